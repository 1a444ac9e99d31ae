package browser_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/labkv/labkv/lab/web/browser"
)

func TestPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(`<title>x</title><p id=p>text<script>setTimeout(()=>p.textContent="later")</script>`), 0o644); err != nil {
		t.Fatal(err)
	}
	p := browser.New(t, 800, 600)
	p.Do(chromedp.Navigate("file://" + file))
	p.Until(`p.textContent === "later"`)
	if got := browser.Eval[int](p, `Promise.resolve(innerWidth)`); got != 800 {
		t.Errorf("the page is %d pixels wide", got)
	}
	if got := p.Fetched(); len(got) != 1 || got[0] != "file://"+file {
		t.Errorf("the page fetched %q", got)
	}
}
