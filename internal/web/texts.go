package web

import (
	"context"
	"embed"
	"fmt"
	"net/http"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/brdoproject/brdo/domain/strictjson"
)

//go:embed texts/*.json
var textFiles embed.FS

// texts is the catalogue of everything that pages say, in English first. A key
// names the meaning; a language is one file.
type texts struct{ bundle *i18n.Bundle }

func newTexts() (*texts, error) {
	bundle := i18n.NewBundle(language.English)
	// Strict, because of two texts with one key the first would vanish unseen.
	bundle.RegisterUnmarshalFunc("json", func(data []byte, into any) error { return strictjson.Decode(data, len(data), into) })
	files, err := textFiles.ReadDir("texts")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogues of text: %w", err)
	}
	for _, file := range files {
		if _, err := bundle.LoadMessageFileFS(textFiles, "texts/"+file.Name()); err != nil {
			return nil, fmt.Errorf("reading the catalogue %s: %w", file.Name(), err)
		}
	}
	return &texts{bundle}, nil
}

type localizerKey struct{}

// within gives the request the language that its reader prefers.
func (t *texts) within(r *http.Request) context.Context {
	return context.WithValue(r.Context(), localizerKey{}, i18n.NewLocalizer(t.bundle, r.Header.Get("Accept-Language")))
}

// t is the text of a key. Arguments are pairs of a name and a value; a value
// named "count" also chooses the plural. A missing key shows itself, and a test
// makes sure that there is none.
func t(ctx context.Context, key string, pairs ...any) string {
	localizer, found := ctx.Value(localizerKey{}).(*i18n.Localizer)
	if !found {
		return key
	}
	config := &i18n.LocalizeConfig{MessageID: key}
	if len(pairs) > 0 {
		data := map[string]any{}
		for i := 0; i+1 < len(pairs); i += 2 {
			name := pairs[i].(string)
			data[name] = pairs[i+1]
			if name == "count" {
				config.PluralCount = pairs[i+1]
			}
		}
		config.TemplateData = data
	}
	text, err := localizer.Localize(config)
	if err != nil && text == "" {
		return key
	}
	return text
}
