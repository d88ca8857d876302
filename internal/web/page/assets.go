package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

//go:embed assets templates
var files embed.FS

const (
	stylePath = "/assets/style.css"
	iconPath  = "/assets/icon.svg"
)

// asset is one embedded file. Under its address with the hash of its content it may
// be kept for ever, because another content has another address.
type asset struct {
	path, contentType, hash string
	content                 []byte
}

type assets []asset

func loadAssets() (assets, error) {
	list := assets{
		{path: stylePath, contentType: "text/css; charset=utf-8"},
		{path: iconPath, contentType: "image/svg+xml"},
	}
	for i := range list {
		content, err := files.ReadFile(list[i].path[1:])
		if err != nil {
			return nil, fmt.Errorf("read the embedded file: %w", err)
		}
		sum := sha256.Sum256(content)
		list[i].content, list[i].hash = content, hex.EncodeToString(sum[:8])
	}
	return list, nil
}

func loadTemplates() (*template.Template, error) {
	t, err := template.ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the embedded templates: %w", err)
	}
	return t, nil
}

// url is the address of an asset with the hash of its content.
func (l assets) url(path string) string {
	for _, a := range l {
		if a.path == path {
			return a.path + "?v=" + a.hash
		}
	}
	return path
}

// ServeHTTP answers with the file.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("ETag", `"`+a.hash+`"`)
	cache := "no-cache"
	if r.URL.Query().Get("v") == a.hash {
		cache = "public, max-age=31536000, immutable"
	}
	w.Header().Set("Cache-Control", cache)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
