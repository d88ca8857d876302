package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"pulltrail/internal/web/svg"
)

//go:embed assets templates
var files embed.FS

const (
	stylePath  = "/assets/style.css"
	iconPath   = "/assets/icon.svg"
	scriptPath = "/assets/chart.js"
	plotPath   = "/assets/vendor/uPlot.iife.min.js"
	// What we draw with asks that its licence goes with it.
	licencePath = "/assets/vendor/uPlot.LICENSE"
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
		{path: scriptPath, contentType: "text/javascript; charset=utf-8"},
		{path: plotPath, contentType: "text/javascript; charset=utf-8"},
		{path: licencePath, contentType: "text/plain; charset=utf-8"},
	}
	for i := range list {
		content, err := load(list[i].path)
		if err != nil {
			return nil, fmt.Errorf("read the embedded file: %w", err)
		}
		sum := sha256.Sum256(content)
		list[i].content, list[i].hash = content, hex.EncodeToString(sum[:8])
	}
	return list, nil
}

// notes are the indentation of our script, and its lines that are comments: what nobody
// needs who does not read it here.
var notes = regexp.MustCompile(`(?m)^[ \t]*(//.*\n)?`)

// load is the content of an asset: its file, or all style sheets in one.
func load(path string) ([]byte, error) {
	if path != stylePath {
		content, err := files.ReadFile(path[1:])
		if path == scriptPath {
			content = notes.ReplaceAll(content, nil)
		}
		return content, err
	}
	sheets := []string{stylePath[1:]}
	for _, pattern := range []string{"assets/*.css", "assets/vendor/*.css"} {
		more, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		sheets = append(sheets, slices.DeleteFunc(more, func(s string) bool { return s == sheets[0] })...)
	}
	css := svg.CSS
	for _, sheet := range sheets {
		content, err := files.ReadFile(sheet)
		if err != nil {
			return nil, err
		}
		css += string(content) + "\n"
	}
	return []byte(themed(css)), nil
}

// themed lets the reader choose: what stands there for a dark screen is also for a
// root that says dark, and not for one that says light.
func themed(css string) string {
	return darkRules.ReplaceAllString(css,
		"@media (prefers-color-scheme: dark) {\n  :root:not([data-theme=light]) {$1}\n}\n@media screen {\n  :root[data-theme=dark] {$1}\n}\n")
}

// darkRules are the colours of the root for a dark screen, as our style sheets write them.
var darkRules = regexp.MustCompile(`@media \(prefers-color-scheme: dark\) \{\s*:root \{([^}]*)\}\s*\}\n`)

// loadTemplates makes a template of every page by its file's name: the layout and the
// parts, with what the page defines in their place.
func loadTemplates() (map[string]*template.Template, error) {
	common, err := template.ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parse the embedded templates: %w", err)
	}
	paths, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list the embedded templates: %w", err)
	}
	pages := make(map[string]*template.Template)
	for _, path := range paths {
		name := strings.TrimPrefix(path, "templates/")
		if common.Lookup(name) != nil {
			continue
		}
		page := template.Must(common.Clone()) // it has not been executed
		if pages[name], err = page.ParseFS(files, path); err != nil {
			return nil, fmt.Errorf("parse the embedded templates: %w", err)
		}
	}
	return pages, nil
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
