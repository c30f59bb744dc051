package client_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/brdoproject/brdo/client"
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/problem"
)

// A service hands an upload in before it is shown to others.
func Example() {
	node, err := client.New(client.Options{Base: "https://brdo.example", Key: os.Getenv("BRDO_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.Open("landscape.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	found, err := node.Detect(ctx, client.Submission{
		ClientRef: "upload-17", Context: item.Context{URL: "https://photos.example/p/17"},
		Files: []client.File{{Name: "landscape.jpg", Content: file}},
	})
	switch {
	case problem.Is(err, problem.Expired):
		fmt.Println("there is no legal basis any more; nothing was compared")
	case err != nil:
		log.Fatal(err) // the upload has to be handed in again
	default:
		fmt.Println(found.Files[0].Next) // a match is for people to look at, not a verdict
	}
}

// A service that has hashes and not the files looks them up.
func ExampleClient_Lookup() {
	node, err := client.New(client.Options{Base: "https://brdo.example", Key: os.Getenv("BRDO_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	hashes := []client.Hashes{{MD5: "78e731027d8fd50ed642340b7c9a63b3"}, {PDQ: "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"}}
	err = node.Lookup(context.Background(), hashes, func(at int, found client.Found, _ []client.Skipped) error {
		for _, m := range found.Matches {
			fmt.Println(at, m.Explanation)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}
