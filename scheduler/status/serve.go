package status

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

//go:embed page.html
var page []byte

// Options of a Server.
type Options struct {
	Feed *Feed
	// Processes are those that a reader may kill, pause and restart; nil for none.
	Processes Processes
	// Hosts are names under which the page may be opened, besides localhost and any
	// numeric address. Under another name it is refused: a site of that name could have
	// made it mean this machine, and would then count as the page itself.
	Hosts []string
}

// A Server serves the page of a cluster:
//
//	GET  /                       the page
//	GET  /status.json            the latest Report
//	GET  /events                 the latest Report, and then what changes, as server-sent events
//	POST /process/NAME/ACTION    one of Kill, Pause, Resume and Restart
//
// A request to a process needs the token that comes with the events, in the header
// TokenHeader, and must not come from the page of another site. An answer other than
// success is {"error": "…"}.
type Server struct {
	options Options
	token   string
	mux     *http.ServeMux
	streams atomic.Int32
}

// TokenHeader is the header of a request to a process.
const TokenHeader = "Labkv-Token"

const (
	// maxStreams is how many readers of events there may be.
	maxStreams = 100
	// writeTimeout is how long a reader of events may take for one of them.
	writeTimeout = 10 * time.Second
	// actTimeout is how long an action may take. To stop a process in order takes a
	// while.
	actTimeout = 30 * time.Second
)

// NewServer returns a server with a token of its own.
func NewServer(o Options) *Server {
	s := &Server{options: o, token: rand.Text(), mux: http.NewServeMux()}
	s.mux.HandleFunc("/{$}", s.read(s.page))
	s.mux.HandleFunc("/status.json", s.read(s.status))
	s.mux.HandleFunc("/events", s.read(s.events))
	s.mux.HandleFunc("/process/{name}/{action}", s.act)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is nothing at %s", r.URL.Path)
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if !s.mayBeCalled(r.Host) {
		refuse(w, http.StatusForbidden, "this page is not served under the name %q: open it by its address", r.Host)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// mayBeCalled reports whether a host is a name of this server, with or without a port.
func (s *Server) mayBeCalled(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return strings.EqualFold(name, "localhost") || slices.ContainsFunc(s.options.Hosts, func(h string) bool { return h != "" && strings.EqualFold(name, h) })
}

// read makes a handler of one that changes nothing.
func (s *Server) read(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "%s takes GET, not %s", r.URL.Path, r.Method)
			return
		}
		handle(w, r)
	}
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The page has a policy of its own. What a page cannot say is that no other one may
	// have it in a frame, where a click could be led to its buttons.
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
	w.Header().Set("X-Frame-Options", "DENY")
	_, _ = w.Write(page) // an error means that the client has gone
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	defer s.options.Feed.open()()
	r, _ := s.options.Feed.Latest()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(r)
}

// An update is what has changed since the update before. Of the regions and samples it
// has those that are new or have changed; all else is complete.
type update struct {
	Report
	// Full is true for the first one of a stream: what was known before is over.
	Full bool `json:"full,omitempty"`
	// Token is in the first one if there are processes to act on.
	Token string `json:"token,omitempty"`
	// Gone are the ids of regions that are no longer there.
	Gone []uint64 `json:"gone,omitempty"`
}

// since returns what a reader needs that has old, which is nil at first.
func since(old, now *Report) update {
	u := update{Report: *now, Full: old == nil}
	if old == nil {
		return u
	}
	before := make(map[uint64]*Region, len(old.Regions))
	for i := range old.Regions {
		before[old.Regions[i].ID] = &old.Regions[i]
	}
	u.Regions = []Region{}
	for _, r := range now.Regions {
		if b := before[r.ID]; b == nil || !reflect.DeepEqual(*b, r) {
			u.Regions = append(u.Regions, r)
		}
		delete(before, r.ID)
	}
	for _, r := range old.Regions {
		if before[r.ID] != nil {
			u.Gone = append(u.Gone, r.ID)
		}
	}
	if n := len(old.Samples); n > 0 {
		last := old.Samples[n-1].At
		for len(u.Samples) > 0 && u.Samples[0].At <= last {
			u.Samples = u.Samples[1:]
		}
	}
	return u
}

// events sends updates until the client has gone or the cluster has ended.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return // there is no body that could end
	}
	if s.streams.Add(1) > maxStreams {
		s.streams.Add(-1)
		refuse(w, http.StatusServiceUnavailable, "too many readers: at most %d", maxStreams)
		return
	}
	defer s.streams.Add(-1)
	defer s.options.Feed.open()()
	control := http.NewResponseController(w)
	var last *Report
	for {
		now, next := s.options.Feed.Latest()
		u := since(last, now)
		if u.Full && s.options.Processes != nil {
			u.Token = s.token
		}
		last = now
		data, err := json.Marshal(u)
		if err != nil {
			panic(err) // it consists of what can be marshalled
		}
		// A reader that has stopped reading must not be served forever. (A writer that
		// is not a connection has no deadline.)
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil || control.Flush() != nil {
			return
		}
		if now.Ended != "" {
			return
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return
		}
	}
}

// act does something to a process.
func (s *Server) act(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "%s takes POST, not %s", r.URL.Path, r.Method)
		return
	}
	if why := s.foreign(r); why != "" {
		refuse(w, http.StatusForbidden, "%s", why)
		return
	}
	if n, _ := io.ReadFull(r.Body, make([]byte, 1)); n > 0 || r.URL.RawQuery != "" {
		refuse(w, http.StatusBadRequest, "an action takes no parameters and no body")
		return
	}
	if s.options.Processes == nil {
		refuse(w, http.StatusNotFound, "the processes of this cluster are not started from here")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	err := s.options.Processes.Do(ctx, r.PathValue("name"), r.PathValue("action"))
	var (
		unknown  *UnknownError
		conflict *ConflictError
	)
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, "{}")
	case errors.As(err, &unknown):
		refuse(w, http.StatusNotFound, "%v", err)
	case errors.As(err, &conflict):
		refuse(w, http.StatusConflict, "%v", err)
	default:
		refuse(w, http.StatusInternalServerError, "%v", err)
	}
}

// foreign says why a request is not one of the page, or nothing.
func (s *Server) foreign(r *http.Request) string {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return fmt.Sprintf("the request comes from another site, %q", origin)
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return "the request comes from another site"
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(TokenHeader)), []byte(s.token)) != 1 {
		return "the token in the header " + TokenHeader + " is missing or wrong: the events have it"
	}
	return ""
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, code int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": fmt.Sprintf(format, args...)})
}
