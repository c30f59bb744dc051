package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assets serves the stylesheet and scripts under names that hold a digest of
// their content, so that a browser may keep them for ever.
type assets struct {
	byName map[string]asset
	named  map[string]string
}

type asset struct {
	content []byte
	kind    string
}

func newAssets() (*assets, error) {
	a := &assets{byName: map[string]asset{}, named: map[string]string{}}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	err := fs.WalkDir(assetFiles, "assets", func(name string, entry fs.DirEntry, err error) error {
		kind, served := kinds[path.Ext(name)]
		if err != nil || entry.IsDir() || !served {
			return err
		}
		content, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		base := path.Base(name)
		hashed := strings.TrimSuffix(base, path.Ext(base)) + "." + hex.EncodeToString(sum[:6]) + path.Ext(base)
		a.byName[hashed] = asset{content, kind}
		a.named[base] = "/assets/" + hashed
		return nil
	})
	return a, err
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := a.byName[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", found.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.content))
}
