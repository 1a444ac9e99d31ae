package status_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/scheduler/status"
)

// actions are processes that note what is done to them.
type actions struct{ done []string }

func (a *actions) List() []status.Process { return nil }

func (a *actions) Do(_ context.Context, name, action string) error {
	switch {
	case name != "server-1":
		return &status.UnknownError{Message: "there is no process " + name}
	case action == "pause":
		return &status.ConflictError{Message: "it is paused already"}
	case action == "resume":
		return errors.New("it is broken")
	}
	a.done = append(a.done, name+" "+action)
	return nil
}

// A site is a server on a port, and what it has done.
type site struct {
	t       *testing.T
	feed    *status.Feed
	actions *actions
	url     string // without a slash at the end
	host    string // with the port
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, feed: status.NewFeed(), actions: &actions{}}
	s.serve()
	return s
}

// serve serves the feed until the test ends.
func (s *site) serve() {
	server := httptest.NewServer(status.NewServer(status.Options{Feed: s.feed, Processes: s.actions, Hosts: []string{"lab.example.org"}}))
	s.t.Cleanup(server.CloseClientConnections)
	s.t.Cleanup(server.Close)
	s.url, s.host = server.URL, strings.TrimPrefix(server.URL, "http://")
}

// do sends a request with headers, and returns the answer. Host is one of them.
func (s *site) do(method, path, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(await.Context(s.t, "an answer"), method, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response, string(text)
}

// A stream has the events of a page.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

// An event is an update as a page sees it.
type event struct {
	status.Report
	Full  bool
	Token string
	Gone  []uint64
}

func (s *site) events() *stream {
	s.t.Helper()
	r, err := http.NewRequestWithContext(await.Context(s.t, "events"), http.MethodGet, s.url+"/events", nil)
	require.NoError(s.t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { response.Body.Close() })
	require.Equal(s.t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 64<<20)
	return &stream{s.t, lines}
}

// next returns the next event, and whether there is one.
func (s *stream) next() (event, bool) {
	s.t.Helper()
	for s.lines.Scan() {
		if data, found := strings.CutPrefix(s.lines.Text(), "data: "); found {
			var e event
			require.NoError(s.t, json.Unmarshal([]byte(data), &e))
			return e, true
		}
	}
	return event{}, false
}

func (s *stream) must() event {
	s.t.Helper()
	e, ok := s.next()
	require.True(s.t, ok, "an event, not the end")
	return e
}

func (s *site) token() string { return s.events().must().Token }

// The page comes with headers that keep other sites away, and is the committed one.
func TestPage(t *testing.T) {
	s := newSite(t)
	r, body := s.do(http.MethodGet, "/", "")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Contains(t, body, "<title>LabKV cluster</title>")
	require.Contains(t, body, "default-src 'none'")
	require.Contains(t, body, "<noscript>")
	for header, value := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "frame-ancestors 'none'", "X-Frame-Options": "DENY",
		"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		require.Equal(t, value, r.Header.Get(header), header)
	}
	require.Empty(t, r.Header.Get("Access-Control-Allow-Origin"))
}

// A report is JSON without null, and says its version. The token is not in it.
func TestReport(t *testing.T) {
	s := newSite(t)
	r, body := s.do(http.MethodGet, "/status.json", "")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	require.JSONEq(t, `{"version": 1, "at": 0, "cluster_id": 0, "stores": [], "regions": [], "operators": [], "samples": []}`, body)
	s.feed.Publish(&status.Report{
		At: 5, ClusterID: 7,
		Stores:  []status.Store{{ID: 3, Addr: "a:1", State: status.Up}},
		Regions: []status.Region{{ID: 2, Start: "61", Leader: 3, Peers: []status.Peer{{ID: 4, Store: 3, State: status.PeerOK}}}},
	})
	_, body = s.do(http.MethodGet, "/status.json", "")
	var got status.Report
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.Equal(t, uint64(3), got.Stores[0].ID)
	require.Equal(t, "61", got.Regions[0].Start)
	require.NotContains(t, body, s.token())
}

// Events bring what has changed, whatever a reader has missed.
func TestEvents(t *testing.T) {
	s := newSite(t)
	region := func(id uint64, leader uint64) status.Region {
		return status.Region{ID: id, Leader: leader, Peers: []status.Peer{{ID: 10 * id, Store: leader, State: status.PeerOK}}}
	}
	s.feed.Publish(&status.Report{At: 1, Regions: []status.Region{region(1, 1), region(2, 1), region(3, 1)}, Samples: []status.Sample{{At: 1}}})
	e := s.events()
	first := e.must()
	require.True(t, first.Full)
	require.Len(t, first.Regions, 3)
	require.Len(t, first.Samples, 1)
	require.NotEmpty(t, first.Token)

	s.feed.Publish(&status.Report{At: 2, Regions: []status.Region{region(1, 1), region(2, 5), region(4, 1)}, Samples: []status.Sample{{At: 1}, {At: 2}}})
	second := e.must()
	require.False(t, second.Full)
	require.Empty(t, second.Token)
	require.Equal(t, []status.Region{region(2, 5), region(4, 1)}, second.Regions)
	require.Equal(t, []uint64{3}, second.Gone)
	require.Equal(t, []status.Sample{{At: 2}}, second.Samples)

	// Nothing has changed: time goes on.
	r, _ := s.feed.Latest()
	same := *r
	same.At = 3
	s.feed.Publish(&same)
	third := e.must()
	require.Equal(t, int64(3), third.At)
	require.Empty(t, third.Regions)
	require.Empty(t, third.Gone)
	require.Empty(t, third.Samples)

	s.feed.End("of old age")
	s.feed.Publish(&status.Report{At: 4})
	require.Equal(t, "of old age", e.must().Ended)
	_, more := e.next()
	require.False(t, more, "an event after the last one")
}

// There is a bound to the readers of events.
func TestTooManyReaders(t *testing.T) {
	s := newSite(t)
	for range 100 {
		s.events().must()
	}
	r, body := s.do(http.MethodGet, "/events", "")
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	require.JSONEq(t, `{"error": "too many readers: at most 100"}`, body)
}

// A reader that does not read holds up nothing, and is dropped in the end.
func TestReaderThatDoesNotRead(t *testing.T) {
	s := newSite(t)
	s.events()
	big := make([]status.Store, 2000)
	begin := time.Now()
	for range 50 {
		s.feed.Publish(&status.Report{Stores: big})
	}
	require.Less(t, time.Since(begin), await.Limit/2)
	s.events().must()
}

func TestActions(t *testing.T) {
	s := newSite(t)
	token := []string{status.TokenHeader, s.token()}
	post := func(code int, text, path, body string, headers ...string) {
		t.Helper()
		r, answer := s.do(http.MethodPost, path, body, headers...)
		require.Equal(t, code, r.StatusCode, answer)
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		var got map[string]string
		require.NoError(t, json.Unmarshal([]byte(answer), &got))
		require.Contains(t, got["error"], text)
	}
	post(http.StatusOK, "", "/process/server-1/kill", "", token...)
	post(http.StatusOK, "", "/process/server-1/restart", "", append(token, "Origin", s.url, "Sec-Fetch-Site", "same-origin")...)
	require.Equal(t, []string{"server-1 kill", "server-1 restart"}, s.actions.done)

	post(http.StatusNotFound, "there is no process server-9", "/process/server-9/kill", "", token...)
	post(http.StatusConflict, "it is paused already", "/process/server-1/pause", "", token...)
	post(http.StatusInternalServerError, "it is broken", "/process/server-1/resume", "", token...)
	post(http.StatusBadRequest, "no parameters and no body", "/process/server-1/kill", "now", token...)
	post(http.StatusBadRequest, "no parameters and no body", "/process/server-1/kill?now=1", "", token...)
	post(http.StatusNotFound, "there is nothing at /process/server-1", "/process/server-1", "", token...)

	// Requests that other sites can make a browser send.
	const kill = "/process/server-1/kill"
	post(http.StatusForbidden, "the token in the header Labkv-Token is missing or wrong", kill, "")
	post(http.StatusForbidden, "the token in the header Labkv-Token is missing or wrong", kill, "", status.TokenHeader, "guess")
	post(http.StatusForbidden, "another site", kill, "", append(token, "Origin", "http://evil.example.org")...)
	post(http.StatusForbidden, "another site", kill, "", append(token, "Origin", "null")...)
	post(http.StatusForbidden, "another site", kill, "", append(token, "Origin", "https://"+s.host)...)
	post(http.StatusForbidden, "another site", kill, "", append(token, "Sec-Fetch-Site", "cross-site")...)
	post(http.StatusForbidden, "another site", kill, "", append(token, "Sec-Fetch-Site", "same-site")...)
	// A site whose name was made to mean this machine.
	post(http.StatusForbidden, "not served under the name", kill, "", append(token, "Host", "evil.example.org", "Origin", "http://evil.example.org")...)
	require.Len(t, s.actions.done, 2)

	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		r, body := s.do(method, kill, "", token...)
		require.Equal(t, http.StatusMethodNotAllowed, r.StatusCode, body)
		require.Equal(t, http.MethodPost, r.Header.Get("Allow"))
	}
	require.Len(t, s.actions.done, 2)
}

// A server without processes has no token, and acts on nothing.
func TestNoProcesses(t *testing.T) {
	server := status.NewServer(status.Options{Feed: status.NewFeed()})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/process/server-1/kill", nil)
	r.Header.Set(status.TokenHeader, "")
	server.ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.Code)

	ctx, stop := context.WithCancel(t.Context())
	stop()
	w = httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/events", nil))
	require.Contains(t, w.Body.String(), `"full":true`)
	require.NotContains(t, w.Body.String(), "token")
}

// Only a name that cannot mean another site is served.
func TestHosts(t *testing.T) {
	s := newSite(t)
	for _, host := range []string{"127.0.0.1", "127.0.0.1:80", "localhost:9999", "LOCALHOST", "[::1]:80", "[::1]", "10.1.2.3", "lab.example.org", "Lab.Example.org:20180"} {
		r, body := s.do(http.MethodGet, "/status.json", "", "Host", host)
		require.Equal(t, http.StatusOK, r.StatusCode, "%s: %s", host, body)
	}
	for _, host := range []string{"evil.example.org", "evil.example.org:80", "127.0.0.1.evil.example.org", "localhost.evil.example.org", "lab.example.org.evil.org", "xlab.example.org", "127.1.evil"} {
		for _, path := range []string{"/", "/status.json", "/events", "/nothing"} {
			r, body := s.do(http.MethodGet, path, "", "Host", host)
			require.Equal(t, http.StatusForbidden, r.StatusCode, "%s: %s", host, body)
			require.Contains(t, body, "open it by its address")
		}
	}
}

func TestNothingElse(t *testing.T) {
	s := newSite(t)
	for path, code := range map[string]int{"/x": 404, "/status.json/": 404, "/..%2fetc/passwd": 404, "/process/a/b/c": 404} {
		r, body := s.do(http.MethodGet, path, "")
		require.Equal(t, code, r.StatusCode, "%s: %s", path, body)
	}
	for _, path := range []string{"/", "/status.json", "/events"} {
		r, body := s.do(http.MethodHead, path, "")
		require.Equal(t, http.StatusOK, r.StatusCode)
		require.Empty(t, body)
		r, body = s.do(http.MethodPost, path, "")
		require.Equal(t, http.StatusMethodNotAllowed, r.StatusCode)
		require.Contains(t, body, "takes GET, not POST")
	}
}
