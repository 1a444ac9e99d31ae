//go:build !js

package play

import (
	stderrors "errors"
	"net/http"
	"slices"
	"sync"
)

// A Server serves the playground of a tree, built anew when the tree has changed since:
// to load the page again is to play with what was saved.
type Server struct {
	Builder Builder
	// Hosts are what requests may name as their host. A page of another site that has
	// its name resolve to this machine names another.
	Hosts []string

	mu sync.Mutex // one build at a time
}

// ServeHTTP implements http.Handler: there is the page, and nothing else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !slices.Contains(s.Hosts, r.Host):
		http.Error(w, "this is not the host that was asked for", http.StatusMisdirectedRequest)
		return
	case r.URL.Path != "/":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the page can only be read", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	s.mu.Lock()
	page, err := s.Builder.Page(r.Context())
	s.mu.Unlock()
	var build *BuildError
	switch {
	case stderrors.As(err, &build):
		http.Error(w, build.Error()+"\n\nSave a file that builds, and load this page again.", http.StatusInternalServerError)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}
}
