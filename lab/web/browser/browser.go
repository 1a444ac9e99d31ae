// Package browser opens the pages of the course in a real, headless Chromium.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A Page is a tab of a browser that the test has for itself.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	messages []string
	fetched  []string
	expected *regexp.Regexp // nil: none
}

// limit is the time that a test has for all it does with a page.
const limit = 4 * time.Minute

// requiredVariable is set where a test of a page must not skip because there is no
// browser.
const requiredVariable = "LABKV_BROWSER"

// installed reports whether one of the programs that chromedp looks for is there.
func installed() bool {
	for _, name := range []string{"headless_shell", "headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

// New starts a browser with one page of the given size in CSS pixels. It ends with t.
// Without a browser, t is skipped.
// At
// the end, t fails if the page has logged an error or a warning.
func New(t testing.TB, width, height int) *Page {
	t.Helper()
	if !installed() {
		if os.Getenv(requiredVariable) != "" {
			t.Fatal("there is no Chromium: apt-get install chromium")
		}
		t.Skip("skipped without Chromium: apt-get install chromium")
	}
	// Not t.TempDir, whose name may be too long for the socket that Chromium makes in it.
	dir, err := os.MkdirTemp("", "browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.WindowSize(width, height),
		chromedp.Flag("no-sandbox", os.Geteuid() == 0),
		// Nothing but this machine can be reached.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.Env("TMPDIR="+dir), // it leaves things there
	)
	p := &Page{t: t}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithListener(p.listen))
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() })
	p.ctx, stop = context.WithTimeout(ctx, limit)
	t.Cleanup(stop)
	if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(int64(width), int64(height)), focused); err != nil {
		t.Fatalf("Chromium does not start: %v\nthe tests of pages need it: apt-get install chromium", err)
	}
	t.Cleanup(func() {
		for _, m := range p.Messages() {
			if p.expected == nil || !p.expected.MatchString(m) {
				t.Errorf("the page says: %s", m)
			}
		}
	})
	return p
}

// focused makes the page have the focus, as the one in front of a user has it. Without
// it, elements get no focus events.
var focused = chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return err
})

// Expect makes errors and warnings that match a pattern no failure: a browser itself
// logs that a server does not answer, whatever a page makes of it.
func (p *Page) Expect(pattern string) { p.expected = regexp.MustCompile(pattern) }

func (p *Page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		p.messages = append(p.messages, text)
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			var words []string
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			p.messages = append(p.messages, fmt.Sprintf("console %s: %s", e.Type, strings.Join(words, " ")))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.messages = append(p.messages, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		p.fetched = append(p.fetched, e.Request.URL)
	}
}

// Messages returns the errors and warnings that the page has logged so far, and the
// exceptions that it has not caught.
func (p *Page) Messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.messages...)
}

// Fetched returns the addresses of all that the page has asked for so far, data: and
// blob: left out.
func (p *Page) Fetched() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, url := range p.fetched {
		if !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:") {
			all = append(all, url)
		}
	}
	return all
}

// Do carries out actions one after the other, and ends the test if one fails.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("%v\nthe page has said: %q", err, p.Messages())
	}
}

// Get carries out an action, and returns its value.
func Get[T any](p *Page, action chromedp.Action[T]) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, action)
	if err != nil {
		p.t.Fatalf("%v\nthe page has said: %q", err, p.Messages())
	}
	return v
}

// Eval returns what a JavaScript expression comes to, or what its promise does.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	return Get(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Until waits until a JavaScript expression is true, and ends the test if that takes too
// long.
func (p *Page) Until(expression string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(30*time.Second)))
	if err != nil {
		p.t.Fatalf("it does not come true: %s: %v\nthe page has said: %q", expression, err, p.Messages())
	}
}

// Screenshot writes what the page shows as a PNG file.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	if err := os.WriteFile(file, Get(p, chromedp.CaptureScreenshot()), 0o644); err != nil {
		p.t.Fatal(err)
	}
}
