package status_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/labkv/labkv/lab/web/browser"
	"github.com/labkv/labkv/scheduler/status"
)

// open opens the page of a fake, and requires that it asks for nothing elsewhere.
func open(t *testing.T, f *fake, width, height int) *browser.Page {
	t.Helper()
	p := browser.New(t, width, height)
	p.Do(chromedp.Navigate(f.url()))
	p.Until(`document.getElementById("live-text").textContent === "live"`)
	t.Cleanup(func() {
		for _, address := range p.Fetched() {
			if !strings.HasPrefix(address, f.url()) {
				t.Errorf("the page has fetched %s", address)
			}
		}
	})
	return p
}

// row is the row of a store in the page.
func row(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#stores tbody tr")].find(r => r.querySelector("b").textContent === %q)`, name)
}

// press presses a button of a store.
func press(p *browser.Page, store, label string) {
	browser.Eval[bool](p, fmt.Sprintf(`(() => { const b = [...%s.querySelectorAll("button")].find(b => b.textContent === %q && !b.disabled); b.click(); return true })()`, row(store), label))
}

// within waits until an expression is true, and requires that this does not take longer
// than a page may take to show what happens.
func within(t *testing.T, p *browser.Page, expression string) {
	t.Helper()
	begin := time.Now()
	p.Until(expression)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %s until the page showed: %s", took, expression)
	}
}

const logText = `document.getElementById("log").textContent`

func TestStores(t *testing.T) {
	f := newFake(t, 3, 12)
	p := open(t, f, 1280, 900)
	for _, words := range []string{"store 1", "127.0.0.1:20161", "server-1, process 1001", "up", "10 min", "59.0 GB", "160", "0.30 ms, 2.0 ms", "4.0 ms, 31 ms"} {
		p.Until(fmt.Sprintf(`%s.textContent.includes(%q)`, row("store 1"), words))
	}
	p.Until(`document.querySelector("#figures").textContent.includes("12 regions")`)

	f.change(func(r *status.Report) {
		r.Stores[1].State, r.Stores[1].Reason = status.Down, "connection refused"
		r.Regions[4].Leader = 0
	})
	within(t, p, row("store 2")+`.textContent.includes("down")`)
	p.Until(row("store 2") + `.textContent.includes("connection refused")`)
	p.Until(logText + `.includes("store 2 is down: connection refused")`)
	p.Until(logText + `.includes("region 18 has no leader")`)
	p.Until(`document.querySelector("#said").textContent.includes("store 2 is down")`)
	p.Until(`document.querySelector(".figure.bad").textContent === "2 of 3stores up"`)
	f.change(func(r *status.Report) { r.Stores[1].State, r.Stores[1].Reason = status.Up, "" })
	within(t, p, logText+`.includes("store 2 is up")`)
}

// What a cluster says is text, whatever it looks like.
func TestHostileText(t *testing.T) {
	f := newFake(t, 3, 4)
	p := open(t, f, 1280, 900)
	const evil = `<img src=x onerror="document.title='broken in'"><script>document.title='broken in'</script>`
	f.change(func(r *status.Report) {
		r.Stores[0].State, r.Stores[0].Reason, r.Stores[0].Addr = status.Silent, evil, evil
		r.Scheduler.State, r.Scheduler.Reason = status.Down, evil
		r.Operators = []status.Operator{{Region: 2, Kind: evil, Desc: evil, Status: "running", Steps: []string{evil}, Created: r.At}}
		r.Regions[0].End = fmt.Sprintf("%x", evil)
		r.Regions[1].Start = r.Regions[0].End
	})
	p.Until(`document.querySelector("#operators").textContent.includes("onerror")`)
	p.Until(logText + `.includes("onerror")`)
	p.Do(chromedp.Focus("canvas"))
	p.Until(`document.querySelector("#region").textContent.includes("onerror")`)
	if got := browser.Eval[string](p, `document.title + document.querySelectorAll("img, #log script").length`); got != "LabKV cluster 70" {
		t.Errorf("the title and what was made of the text is %q", got)
	}
}

// The buttons of a process do what they say, and follow its state.
func TestButtons(t *testing.T) {
	f := newFake(t, 3, 12)
	p := open(t, f, 1280, 900)
	for _, step := range []struct{ button, asked, state string }{
		{"pause", "server-2 pause", "paused"},
		{"resume", "server-2 resume", "up"},
		{"kill", "server-2 kill", "down"},
		{"start", "server-2 restart", "up"},
		{"restart", "server-2 restart", "up"},
	} {
		press(p, "store 2", step.button)
		within(t, p, fmt.Sprintf(`%s.querySelector(".state").textContent.startsWith(%q)`, row("store 2"), step.state))
		f.mu.Lock()
		if got := f.asked[len(f.asked)-1]; got != step.asked {
			t.Errorf("the button %s has asked for %s", step.button, got)
		}
		f.mu.Unlock()
		p.Until(row("store 2") + `.querySelector("button.restart:not(:disabled)") !== null`)
	}
	// It is killed elsewhere, and the page does not know it yet.
	f.mu.Lock()
	f.processes["server-2"].State = status.ProcessEnded
	f.mu.Unlock()
	p.Expect("409")
	browser.Eval[bool](p, `fetch("process/server-2/kill", {method: "POST"}).then(r => r.status === 403)`)
	p.Expect("409|403")
	press(p, "store 2", "kill")
	p.Until(logText + `.includes("cannot kill server-2: it does not run")`)
}

// regionText is what the page says of the region that is chosen.
const regionText = `document.getElementById("region").textContent`

// The map follows regions that split and move, and can be used from the keyboard.
func TestMap(t *testing.T) {
	f := newFake(t, 4, 12)
	p := open(t, f, 1280, 900)
	p.Do(chromedp.Focus("canvas"))
	p.Until(regionText + `.includes("the first key")`)
	slider := func(value string) {
		t.Helper()
		p.Until(fmt.Sprintf(`document.querySelector("canvas").getAttribute("aria-valuetext").startsWith(%q)`, value))
	}
	slider("region 2, from the first key to user0001, led by store 1, on stores 1, 2, 3")
	f.change(func(r *status.Report) {
		// A peer moves from store 3 to store 4, and store 2 leads.
		r.Regions[0].Peers = append(r.Regions[0].Peers[:2:2], status.Peer{ID: 900, Store: 4, State: status.PeerInstalling})
		r.Regions[0].Leader, r.Regions[0].ConfVer = 2, 5
	})
	slider("region 2, from the first key to user0001, led by store 2, on stores 1, 2, 4 (installing)")
	for _, words := range []string{"region 2 has a peer on store 4", "region 2 has left store 3", "store 2 leads region 2"} {
		within(t, p, fmt.Sprintf(`%s.includes(%q)`, logText, words))
	}
	p.Until(regionText + `.includes("4 installing")`)
	if epoch := browser.Eval[bool](p, regionText+`.includes("5.1")`); !epoch {
		t.Error("the epoch is not 5.1")
	}

	f.change(func(r *status.Report) {
		half := r.Regions[0]
		half.ID, half.Start, half.Version = 500, "7573", 2
		r.Regions[0].End, r.Regions[0].Version = "7573", 2
		r.Regions = append([]status.Region{r.Regions[0], half}, r.Regions[1:]...)
	})
	within(t, p, logText+`.includes("region 500 is new, from us")`)
	p.Do(chromedp.KeyEvent(kb.ArrowRight))
	slider("region 500, from us to user0001")
	p.Until(`document.querySelector("canvas").getAttribute("aria-valuemax") === "13"`)

	// Keys and ids are found.
	for text, region := range map[string]string{"user0007x": "region 30,", "6": "region 6,", "a": "region 2,"} {
		p.Do(chromedp.SetValue("#find-text", text), chromedp.SendKeys("#find-text", kb.Enter))
		slider(region)
	}
}

// The cell of a region moves where the pixels say so.
func TestMapPixels(t *testing.T) {
	f := newFake(t, 4, 4)
	p := open(t, f, 1280, 900)
	p.Expect("willReadFrequently") // only this test reads
	// The colour in the middle of the cell of the first region and a store.
	colour := func(store int) string {
		return fmt.Sprintf(`(() => { const c = document.querySelector("canvas"), ratio = c.width / c.clientWidth;
			return [...c.getContext("2d").getImageData(c.width / 8, ratio * (28 + %d * 30 + 15), 1, 1).data].join() })()`, store-1)
	}
	p.Until(colour(1) + ` !== ` + colour(4) + ` && ` + colour(1) + ` !== ` + colour(2))
	leader, peer, none := browser.Eval[string](p, colour(1)), browser.Eval[string](p, colour(2)), browser.Eval[string](p, colour(4))
	if peer == none {
		t.Fatal("a peer looks as none")
	}
	f.change(func(r *status.Report) {
		r.Regions[0].Peers[2].Store = 4
		r.Regions[0].Leader = 2
	})
	for store, want := range map[int]string{1: peer, 2: leader, 3: none, 4: peer} {
		within(t, p, fmt.Sprintf("%s === %q", colour(store), want))
	}
}

// Operators show their steps, and how they have ended.
func TestOperators(t *testing.T) {
	f := newFake(t, 4, 12)
	p := open(t, f, 1280, 900)
	const text = `document.getElementById("operators").textContent`
	p.Until(text + `.includes("None.")`)
	at := time.Now().UnixMilli()
	f.change(func(r *status.Report) {
		r.Operators = []status.Operator{{Region: 6, Kind: "balance-region", Desc: "store 1 is fuller than store 4", Status: "running", Created: at - 65_000,
			Steps: []string{"add peer 77 on store 4", "remove peer 7 on store 1"}, Done: 1}}
	})
	for _, words := range []string{"6", "balance-region", "2/2 remove peer 7 on store 1", "store 1 is fuller than store 4", "1 min"} {
		within(t, p, fmt.Sprintf("%s.includes(%q)", text, words))
	}
	f.change(func(r *status.Report) {
		r.Operators[0].Status, r.Operators[0].Reason, r.Operators[0].Ended = "timeout", "it took too long", at
	})
	within(t, p, text+`.includes("timeout: it took too long")`)
	within(t, p, logText+`.includes("the operator of region 6 has ended (timeout): it took too long")`)
	f.change(func(r *status.Report) { r.Scheduler = nil })
	within(t, p, `document.getElementById("operators-section").hidden`)
}

// Without a connection the page says so, and since when. It comes back by itself, also to
// another server.
func TestConnectionLost(t *testing.T) {
	f := newFake(t, 3, 12)
	p := open(t, f, 1280, 900)
	p.Expect("Failed to load resource: net::ERR_")
	f.stop()
	const banner = `document.getElementById("banner")`
	p.Until(`/^Connection lost, last seen at \d\d:\d\d:\d\d, \d+ s ago/.test(` + banner + `.textContent) && !` + banner + `.hidden`)
	p.Until(`document.getElementById("live-text").textContent === "connection lost" && document.body.classList.contains("lost")`)
	f.change(func(r *status.Report) { r.Stores[2].State = status.Down })
	f.serve(f.addr)
	p.Until(`document.getElementById("live-text").textContent === "live" && ` + banner + `.hidden && !document.body.classList.contains("lost")`)
	within(t, p, row("store 3")+`.textContent.includes("down")`)
	// The new server has another token.
	press(p, "store 1", "kill")
	within(t, p, row("store 1")+`.textContent.includes("down")`)
}

// When the cluster has ended, the page says why, and stays.
func TestEnd(t *testing.T) {
	f := newFake(t, 3, 12)
	p := open(t, f, 1280, 900)
	p.Expect("Failed to load resource: net::ERR_")
	f.feed.End("not implemented: raft.New; stage 2aa")
	p.Until(`document.getElementById("banner").textContent.startsWith("The cluster has ended: not implemented: raft.New; stage 2aa")`)
	f.stop()
	p.Until(`document.getElementById("live-text").textContent === "connection lost"`)
	p.Until(`document.getElementById("banner").textContent.startsWith("The cluster has ended: not implemented: raft.New; stage 2aa")`)
}

// A large cluster, of which something changes all the time, leaves the page time.
func TestManyRegions(t *testing.T) {
	f := newFake(t, 50, 1000)
	p := open(t, f, 1280, 900)
	p.Until(`document.querySelector("#figures").textContent.includes("1,000 regions") && document.querySelectorAll("#stores tbody tr").length === 51`)
	browser.Eval[bool](p, `(() => {
		window.frames_ = 0;
		const next = () => { window.frames_++; requestAnimationFrame(next) };
		requestAnimationFrame(next);
		window.busy_ = 0;
		new PerformanceObserver(l => l.getEntries().forEach(e => { window.busy_ = Math.max(window.busy_, e.duration) })).observe({type: "longtask"});
		return true })()`)
	begin := time.Now()
	for i := range 10 {
		f.change(func(r *status.Report) {
			for n := range 20 {
				region := &r.Regions[(97*i+31*n)%len(r.Regions)]
				region.Peers[0].Store = uint64((int(region.Peers[0].Store)+7)%50 + 1)
				region.Leader = region.Peers[n%3].Store
			}
		})
		time.Sleep(300 * time.Millisecond)
	}
	frames, longest := browser.Eval[float64](p, `window.frames_`)/time.Since(begin).Seconds(), browser.Eval[float64](p, `window.busy_`)
	t.Logf("%.0f frames a second, the longest task took %.0f ms", frames, longest)
	// A machine with other work and no graphics hardware has to be good enough.
	if frames < 8 {
		t.Errorf("%.1f frames a second", frames)
	}
	p.Do(chromedp.Focus("canvas"), chromedp.KeyEvent(kb.End))
	p.Until(regionText + `.includes("user0999") && ` + regionText + `.includes("the last key")`)
}

// On a phone and at 80 % zoom nothing is wider than the page.
func TestNarrow(t *testing.T) {
	f := newFake(t, 5, 40)
	f.change(func(r *status.Report) {
		r.Stores[2].State, r.Stores[2].Reason = status.Down, strings.Repeat("a long reason ", 20)
		r.Operators = []status.Operator{{Region: 6, Kind: "balance-region", Desc: "store 1 is fuller than store 4", Status: "running", Steps: []string{"add peer 77 on store 4"}, Created: r.At}}
	})
	for _, width := range []int{360, 800, 1024, 1600} {
		p := open(t, f, width, 900)
		p.Until(`document.querySelectorAll("#operators tbody tr").length === 1`)
		p.Do(chromedp.Focus("canvas"))
		if wide := browser.Eval[int](p, `document.documentElement.scrollWidth`); wide > width {
			t.Errorf("the page is %d pixels wide in a window of %d", wide, width)
		}
		if cut := browser.Eval[[]string](p, `[...document.querySelectorAll("section")].filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.textContent.slice(0, 30) + s.scrollWidth + ">" + s.clientWidth)`); len(cut) > 0 {
			t.Errorf("at %d pixels, sections are wider than their boxes: %q", width, cut)
		}
	}
}

// All that can be used has a name, and gets the focus in its turn.
func TestNames(t *testing.T) {
	f := newFake(t, 3, 12)
	p := open(t, f, 1280, 900)
	p.Until(`document.querySelectorAll("#stores button").length === 9`)
	if got := browser.Eval[[]string](p, `[...document.querySelectorAll("button, input, [tabindex], svg[role=img], section")].filter(e =>
		!(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.closest("label"))).map(e => e.outerHTML.slice(0, 80))`); len(got) > 0 {
		t.Errorf("without a name: %q", got)
	}
	if got := browser.Eval[string](p, `document.querySelector("#stores button.kill").getAttribute("aria-label")`); got != "kill server-1" {
		t.Errorf("the first button is called %q", got)
	}
}
