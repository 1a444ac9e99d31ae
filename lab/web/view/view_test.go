// Package view_test opens the trace viewer in a browser.
package view_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/lab/view"
	"github.com/labkv/labkv/lab/web/browser"
)

// open shows logs in a page of the given size.
func open(t *testing.T, width, height int, logs ...*trace.Log) *browser.Page {
	t.Helper()
	p := browser.New(t, width, height)
	load(p, page(t, logs...))
	return p
}

// page writes the page of logs and returns its address.
func page(t *testing.T, logs ...*trace.Log) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "run.html")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := view.Page(file, logs...); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return "file://" + name
}

func load(p *browser.Page, address string) {
	p.Do(chromedp.Navigate(address))
	settled(p)
}

// settled waits until the page shows all that follows from what was done to it.
func settled(p *browser.Page) {
	browser.Eval[bool](p, `new Promise(done => requestAnimationFrame(() => { delete document.documentElement.dataset.ready; dispatchEvent(new Event("resize")); done(true); }))`)
	p.Until(`document.documentElement.dataset.ready === "yes"`)
}

func press(p *browser.Page, keys string) {
	p.Do(chromedp.KeyEvent(keys))
	settled(p)
}

// text returns the text of the first element that a selector finds, "" if there is none.
func text(p *browser.Page, selector string) string {
	return browser.Eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector))
}

func contains(t *testing.T, what, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%s is %q, without %q", what, text, want)
	}
}

// put is the log of one write: client 1 asks store 2, which replicates it to stores 1 and 3.
func put() *trace.Log {
	const ms = time.Millisecond
	l := &trace.Log{Header: trace.Header{
		Test: "TestPut2B", Seed: 18446744073709551615, Digest: "00000000000000ff", Clients: 1,
		Machines: []trace.Machine{{ID: 1, Role: "store"}, {ID: 2, Role: "store"}, {ID: 3, Role: "store"}},
		Schedule: []string{"0.000s-0.030s slow store:3 (1)"},
	}}
	tell := func(at time.Duration, e trace.Event) {
		e.At = at
		l.Events = append(l.Events, e)
	}
	state := func(at time.Duration, store uint64, role string, commit, applied, last uint64) {
		tell(at, trace.Event{Kind: trace.State, Store: store, Region: 1, Peer: 10 + store, Role: role, Term: 4, Vote: 12, Lead: 12, Commit: commit, Applied: applied, First: 1, Last: last})
	}
	message := func(at time.Duration, from, to, n uint64, fate, kind string, index uint64, text string) {
		tell(at, trace.Event{Kind: trace.Message, From: from, To: to, Stream: 1, N: n, Fate: fate, Type: kind, Region: 1, Term: 4, Index: index, Text: text})
	}
	call := func(at time.Duration, fate, text string) {
		tell(at, trace.Event{Kind: trace.Call, Client: 1, Store: 2, N: 9, Fate: fate, Type: "RawPut", Key: "k", Text: text})
	}
	const write = `put "k" = "v"`
	for s := uint64(1); s <= 3; s++ {
		state(0, s, map[bool]string{true: "leader", false: "follower"}[s == 2], 6, 6, 6)
	}
	tell(0, trace.Event{Kind: trace.FaultBegins, N: 1, Type: "slow", Stores: []uint64{3}, Text: l.Header.Schedule[0]})
	message(0, 2, 1, 1, "sent", "MsgHeartbeat", 0, "commit 6")
	message(1*ms, 2, 1, 1, "arrives", "MsgHeartbeat", 0, "commit 6")
	tell(2*ms, trace.Event{Kind: trace.Operation, Client: 1, N: 3, Fate: "begins", Key: "k", Text: write})
	call(2*ms, "sent", write)
	call(4*ms, "arrives", write)
	tell(4*ms, trace.Event{Kind: trace.Submit, Client: 1, Store: 2, N: 9, Region: 1, Text: write})
	tell(4*ms, trace.Event{Kind: trace.Propose, Client: 1, Store: 2, N: 9, Region: 1, Term: 4, Index: 7, Text: write})
	tell(4*ms, trace.Event{Kind: trace.LogChange, Store: 2, Region: 1, Fate: "appends", First: 7, Last: 7, Text: write})
	state(4*ms, 2, "leader", 6, 6, 7)
	message(4*ms, 2, 1, 2, "sent", "MsgAppend", 6, "after term 4, entry 7, commit 6")
	message(4*ms, 2, 3, 1, "lost", "MsgAppend", 6, "after term 4, entry 7, commit 6")
	message(6*ms, 2, 1, 2, "arrives", "MsgAppend", 6, "after term 4, entry 7, commit 6")
	tell(6*ms, trace.Event{Kind: trace.LogChange, Store: 1, Region: 1, Fate: "appends", First: 7, Last: 7, Text: write})
	state(6*ms, 1, "follower", 6, 6, 7)
	tell(7*ms, trace.Event{Kind: trace.Sync, Store: 1, Text: "raft", Region: 1, Term: 4, Vote: 12, Commit: 6, Last: 7})
	message(7*ms, 1, 2, 1, "sent", "MsgAppendResponse", 7, "")
	message(9*ms, 1, 2, 1, "arrives", "MsgAppendResponse", 7, "")
	state(9*ms, 2, "leader", 7, 6, 7)
	tell(10*ms, trace.Event{Kind: trace.Apply, Store: 2, Region: 1, Term: 4, Index: 7, Text: write})
	state(10*ms, 2, "leader", 7, 7, 7)
	call(10*ms, "answered", "ok")
	call(12*ms, "returns", "ok")
	tell(12*ms, trace.Event{Kind: trace.Operation, Client: 1, N: 3, Fate: "done", Key: "k", Text: write})
	tell(20*ms, trace.Event{Kind: trace.Crash, Store: 3, N: 1, Text: "by the schedule"})
	tell(30*ms, trace.Event{Kind: trace.FaultEnds, N: 1, Type: "slow", Stores: []uint64{3}, Text: l.Header.Schedule[0]})
	return l
}

// A failed run opens where it failed, with nothing fetched.
func TestOpensAtViolation(t *testing.T) {
	log := synthetic(17, 12_000)
	address := page(t, log)
	p := browser.New(t, 1400, 900)
	load(p, address)
	if got := p.Fetched(); len(got) != 1 || !strings.HasPrefix(got[0], address) {
		t.Errorf("the page fetched %q", got)
	}
	contains(t, "the header", text(p, "#header"), "TestManyPartitionsManyClients2B")
	contains(t, "the header", text(p, "#header"), log.Header.Digest)
	contains(t, "the header", text(p, "#header"), "linearizable, §8")
	contains(t, "the header", text(p, "#header .found"), log.Header.Found)
	contains(t, "the header", text(p, "#header details"), log.Header.Fate[0])
	contains(t, "the header", text(p, "#header details"), log.Header.Schedule[0])
	contains(t, "the title", browser.Eval[string](p, "document.title"), "TestManyPartitionsManyClients2B, seed 17")
	contains(t, "the selected event", text(p, "#event .sentence"), "violation on store 3")
	contains(t, "the selected row", text(p, `#list [aria-selected="true"]`), "violation")
	contains(t, "the text of the diagram", browser.Eval[string](p, `document.querySelector("#diagrams canvas").ariaLabel`), "The rule is broken at")
	contains(t, "the states", text(p, "#state"), "store 5")

	press(p, "0")
	press(p, "kkkkkkkk")
	if got := text(p, "#event .sentence"); strings.Contains(got, "violation") {
		t.Errorf("going back leads to %q", got)
	}
	press(p, "v")
	contains(t, "the selected event", text(p, "#event .sentence"), "violation on store 3")
}

// A page without a failure says so, and a seed has all its digits.
func TestNoViolation(t *testing.T) {
	p := open(t, 1200, 800, put())
	contains(t, "the header", text(p, "#header"), "no rule broken")
	contains(t, "the header", text(p, "#header"), "18446744073709551615")
	press(p, "v")
	contains(t, "the panel", text(p, "#event"), "No event is selected")
}

// Steps go from one shown event to the next, also on one lane only, and the panel has the
// states after each with what it changed.
func TestSteps(t *testing.T) {
	p := open(t, 1200, 800, put())
	press(p, "j")
	contains(t, "the first event", text(p, "#event .sentence"), "store 1: follower in term 4")
	p.Until(`document.querySelector("#live").textContent.includes("store 1: follower")`)
	press(p, strings.Repeat("j", 4))
	contains(t, "after the heartbeats that are hidden", text(p, "#event .sentence"), "operation 3 begins")
	for range 20 {
		if strings.Contains(text(p, "#event .sentence"), "commit 7, applied 6") {
			break
		}
		press(p, "j")
	}
	contains(t, "the event", text(p, "#event .sentence"), "store 2: leader in term 4, commit 7, applied 6")
	changed := browser.Eval[[]string](p, `[...document.querySelectorAll("#state .changed")].map(e => e.textContent)`)
	if !slices.Equal(changed, []string{"6 becomes 7"}) {
		t.Errorf("changed are %q", changed)
	}
	contains(t, "the durable state of store 1", text(p, "#state"), "t4\u00a0v12 c6\u00a0..7")
	press(p, "J")
	contains(t, "the next event of store 2", text(p, "#event .sentence"), "store 2 applies (term 4, index 7)")
	press(p, "K")
	contains(t, "the event of store 2 before", text(p, "#event .sentence"), "commit 7, applied 6")
	press(p, strings.Repeat("j", 40))
	contains(t, "the last event", text(p, "#event .sentence"), "fault ends")
	contains(t, "the state of store 3", text(p, "#state"), "down since 0.0200 s")
	browser.Eval[bool](p, `document.querySelector("[aria-label='previous event']").click(), true`)
	contains(t, "the event before", text(p, "#event .sentence"), "store 3 crashes: by the schedule")
	contains(t, "the faults", text(p, "#state .now"), "slow store:3")
}

// Filters hide events in the list and for steps; they can be set back.
func TestFilters(t *testing.T) {
	p := open(t, 1200, 800, put())
	press(p, "0")
	count := func() int {
		return browser.Eval[int](p, `parseInt(document.querySelector("#events-note").textContent)`)
	}
	all := count()
	if want := len(put().Events) - 2; all != want {
		t.Errorf("%d events without heartbeats, not %d", all, want)
	}
	check := func(menu, label string) {
		t.Helper()
		browser.Eval[bool](p, fmt.Sprintf(`[...document.querySelectorAll("#tools details")].find(d => d.querySelector("summary").textContent.startsWith(%q)).querySelector(".menu label:nth-of-type("+(1+[...[...document.querySelectorAll("#tools details")].find(d => d.querySelector("summary").textContent.startsWith(%[1]q)).querySelectorAll("label")].findIndex(l => l.textContent.startsWith(%[2]q)))+") input").click(), true`, menu, label))
		settled(p)
	}
	check("Messages", "MsgHeartbeat")
	if got := count(); got != all+2 {
		t.Errorf("%d events with heartbeats", got)
	}
	check("Messages", "MsgHeartbeat")
	check("Machines", "store 3")
	if got := count(); got != all-3 { // its state, its crash, the message to it
		t.Errorf("%d of %d events without store 3", got, all)
	}
	contains(t, "the menu", text(p, "#tools .some:nth-of-type(3), #tools"), "Machines 2/3")
	browser.Eval[bool](p, `[...document.querySelectorAll("#tools button")].find(b => b.textContent === "Reset").click(), true`)
	settled(p)
	if got := count(); got != all {
		t.Errorf("%d events after Reset, not %d", got, all)
	}
	check("Events", "state")
	if got := count(); got != all-7 {
		t.Errorf("%d of %d events without states", got, all)
	}
	check("Events", "state")
	typeIn := func(selector, words string) {
		browser.Eval[bool](p, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("input")); return true; })()`, selector, words))
		p.Until(fmt.Sprintf(`new URLSearchParams(location.hash.slice(1)).get(%q) === %s`, map[bool]string{true: "text", false: "key"}[selector == "#search"], map[bool]string{true: "null", false: fmt.Sprintf("%q", words)}[words == ""]))
	}
	typeIn("#search", "by the SCHEDULE")
	if got := count(); got != 1 {
		t.Errorf("%d events with a text that one has", got)
	}
	typeIn("#search", "")
	typeIn("#tools .key", "k")
	if got := count(); got != 11 {
		t.Errorf("%d events about key k", got)
	}
	typeIn("#tools .key", "none such")
	if got := count(); got != 0 {
		t.Errorf("%d events about no key", got)
	}
}

// The path of a request leads from the client over the log of each store to the reply.
func TestFollow(t *testing.T) {
	p := open(t, 1200, 800, put())
	for range 30 {
		if strings.Contains(text(p, "#event .sentence"), "store 2 applies") {
			break
		}
		press(p, "j")
	}
	press(p, "f")
	contains(t, "the path", text(p, "#path .sentence"), `operation 3 of client 1: put "k" = "v"`)
	steps := browser.Eval[[]string](p, `[...document.querySelectorAll("#path .what")].map(e => e.textContent)`)
	want := []string{
		`client 1 begins: put "k" = "v"`,
		"call 9 RawPut to store 2 sent",
		"call 9 RawPut to store 2 arrives",
		"store 2 is given the write",
		"store 2 proposes it as entry 7, term 4",
		"store 2 appends it to its log",
		"MsgAppend with it, 2 → 1: sent",
		"MsgAppend with it, 2 → 3: lost",
		"MsgAppend with it, 2 → 1: arrives",
		"store 1 appends it to its log",
		"store 1: it is durable",
		"1 → 2 acknowledges up to 7: sent",
		"1 → 2 acknowledges up to 7: arrives",
		"store 2: committed up to 7",
		"store 2 applies it",
		"call 9 RawPut to store 2 answered",
		"call 9 RawPut to store 2 returns",
		`client 1: done, put "k" = "v"`,
	}
	if !slices.Equal(steps, want) {
		t.Errorf("the steps are\n%s\nnot\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
	browser.Eval[bool](p, `document.querySelectorAll("#path .step")[7].click(), true`)
	settled(p)
	contains(t, "the event of a step", text(p, "#event .sentence"), "MsgAppend 2 → 3 lost")
	contains(t, "the address", browser.Eval[string](p, "location.hash"), "follow=1")
	press(p, "\x1b")
	if got := browser.Eval[bool](p, `document.querySelector("#path").hidden`); !got {
		t.Error("Esc does not end following")
	}
}

// In a run of nothing but Raft there is no client: the path is that of the entry, to which
// the violation leads.
func TestFollowEntry(t *testing.T) {
	l := &trace.Log{Header: trace.Header{Machines: []trace.Machine{{ID: 1, Role: "node"}, {ID: 2, Role: "node"}}}, Events: []trace.Event{
		{At: 1, Kind: trace.Propose, Store: 1, Region: 1, Term: 2, Index: 4, Text: "proposal 4"},
		{At: 2, Kind: trace.Propose, Store: 1, Region: 1, Term: 2, Index: 5, Text: "proposal 5"},
		{At: 3, Kind: trace.Message, From: 1, To: 2, N: 1, Fate: "sent", Type: "MsgAppend", Region: 1, Term: 2, Index: 3, Text: `after 3/1 come [4/2"p4 ]" 5/2(103 bytes)], commit 3`},
		{At: 4, Kind: trace.Message, From: 1, To: 2, N: 1, Fate: "arrives", Type: "MsgAppend", Region: 1, Term: 2, Index: 3, Text: `after 3/1 come [4/2"p4 ]" 5/2(103 bytes)], commit 3`},
		{At: 4, Kind: trace.LogChange, Store: 2, Region: 1, Fate: "appends", First: 4, Last: 5},
		{At: 5, Kind: trace.Message, From: 1, To: 2, N: 2, Fate: "sent", Type: "MsgAppend", Region: 1, Term: 2, Index: 5, Text: "after 5/2 come [6/2], commit 3"},
		{At: 6, Kind: trace.LogChange, Store: 2, Region: 1, Fate: "cuts", First: 5, Last: 5},
		{At: 7, Kind: trace.Violation, Store: 1, Region: 1, Term: 2, Index: 5, Text: "broken"},
	}}
	p := open(t, 1200, 800, l)
	contains(t, "the button", text(p, "#event .main"), "Follow this entry")
	press(p, "f")
	contains(t, "the path", text(p, "#path .sentence"), "entry 5, term 2")
	steps := browser.Eval[[]string](p, `[...document.querySelectorAll("#path .what")].map(e => e.textContent)`)
	want := []string{
		"node 1 proposes it as entry 5, term 2",
		"MsgAppend with it, 1 → 2: sent",
		"MsgAppend with it, 1 → 2: arrives",
		"node 2 appends it to its log",
		"node 2 cuts it from its log: another leader's entry takes its place",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("the steps are\n%s\nnot\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
}

// Two runs part at the first event that differs, whatever the order within an instant.
func TestCompare(t *testing.T) {
	a, b := put(), put()
	b.Events[1], b.Events[2] = b.Events[2], b.Events[1]
	i := slices.IndexFunc(b.Events, func(e trace.Event) bool { return e.Kind == trace.Apply })
	b.Events[i].Index = 8
	p := open(t, 1200, 900, a, b)
	contains(t, "the comparison", text(p, "#compare"), "Where the runs part")
	rows := browser.Eval[[]string](p, `[...document.querySelectorAll("#compare td")].map(e => e.textContent)`)
	if len(rows) != 2 {
		t.Fatalf("the comparison has %q", rows)
	}
	contains(t, "A", rows[0], "store 2 applies (term 4, index 7)")
	contains(t, "B", rows[1], "store 2 applies (term 4, index 8)")
	contains(t, "the selected event", text(p, "#event .sentence"), "store 2 applies (term 4, index 7)")
	contains(t, "the field that differs", text(p, "#event dt.differs"), "index")
	if n := browser.Eval[int](p, `document.querySelectorAll("#diagrams canvas").length`); n != 2 {
		t.Errorf("%d diagrams", n)
	}
	press(p, "r")
	contains(t, "the event of the other run", text(p, "#event .sentence"), "store 2 applies (term 4, index 8)")
	press(p, "kkr")
	contains(t, "the other run after two steps back", text(p, "#event .sentence"), "MsgAppendResponse 1 → 2 arrives (term 4, index 7)")
	press(p, "p")
	contains(t, "the event at p", text(p, "#event .sentence"), "applies")

	p = open(t, 1200, 900, put(), put())
	contains(t, "the comparison of a run with itself", text(p, "#compare"), "do not part")

	lacks := put()
	i = slices.IndexFunc(lacks.Events, func(e trace.Event) bool { return e.Kind == trace.Crash })
	lacks.Events = slices.Delete(lacks.Events, i, i+1)
	p = open(t, 1200, 900, lacks, put())
	contains(t, "the comparison with a run that does more", text(p, "#compare tr:first-of-type"), "does not have that; goes on at 0.030000000 s")
	contains(t, "the comparison with a run that does more", text(p, "#compare tr:last-of-type"), "store 3 crashes")

	short := put()
	short.Events = short.Events[:len(short.Events)-1]
	p = open(t, 1200, 900, put(), short)
	contains(t, "the comparison with a run that ends", text(p, "#compare"), "has ended")
}

// The address leads to what is shown, also in another browser.
func TestLink(t *testing.T) {
	address := page(t, synthetic(17, 12_000))
	p := browser.New(t, 1200, 800)
	load(p, address+"#t=0.9&span=0.02&e=6000&no-types=%5B%5D&text=append")
	link := browser.Eval[string](p, "location.href")
	contains(t, "the address", link, "t=0.900000000")
	contains(t, "the address", link, "span=0.020000000")
	contains(t, "the address", link, "e=6000")
	contains(t, "the address", link, "text=append")
	if got := browser.Eval[string](p, `document.querySelector("#search").value`); got != "append" {
		t.Errorf("the field has %q", got)
	}
	contains(t, "the event", text(p, "#event .when"), "event 6000")
	event := text(p, "#event .sentence")
	press(p, "jj")
	link = browser.Eval[string](p, "location.href")
	event = text(p, "#event .sentence")
	p = browser.New(t, 800, 600)
	load(p, link)
	if got := text(p, "#event .sentence"); got != event {
		t.Errorf("the link leads to %q, not %q", got, event)
	}
	for _, broken := range []string{"#t=x&e=y", "#no-types=%5B", "#e=99999999", "#t=-5&span=1e99", "#t=NaN&run=7"} {
		p.Do(chromedp.Navigate("about:blank"))
		load(p, address+broken)
	}
}

// No text of a run becomes markup or code, however long it is.
func TestHostileText(t *testing.T) {
	hostile := "</script><script>document.title='gone'</script><img src=x onerror=document.title='gone'>\"'`\n\x00\u2028\u202Eabc<!--"
	l := put()
	l.Header.Test, l.Header.Found, l.Header.Rule, l.Header.Source, l.Header.Digest = hostile, hostile, hostile, hostile, hostile
	l.Header.Schedule, l.Header.Fate = []string{hostile}, []string{hostile, strings.Repeat("x", 1<<20)}
	l.Header.Machines = append(l.Header.Machines, trace.Machine{ID: 1 << 63, Role: hostile})
	for i := range l.Events {
		e := &l.Events[i]
		e.Text = hostile + e.Text
		if e.Type != "" {
			e.Type = hostile + e.Type
		}
		e.Role, e.Key, e.Start = e.Role+hostile, hostile, 1<<64-1
	}
	l.Events = append(l.Events,
		trace.Event{At: time.Second, Kind: trace.Kind(hostile), Store: 1 << 62, Text: hostile},
		trace.Event{At: time.Second, Kind: trace.Note, Store: 1, Text: strings.Repeat("<b>"+hostile, 1<<20/len(hostile))},
		trace.Event{At: time.Second, Kind: trace.Violation, Store: 1, Text: strings.Repeat("long ", 1<<18)})
	address := page(t, l, l)
	p := browser.New(t, 1000, 700)
	load(p, address)
	for range 40 {
		press(p, "k")
	}
	if n := browser.Eval[int](p, `document.querySelectorAll("img, b:not(.facts b), #header script").length`); n != 0 {
		t.Errorf("%d elements come from the log", n)
	}
	contains(t, "the title", browser.Eval[string](p, "document.title"), "</script>")
	contains(t, "the header", text(p, "#header h1"), "<script>")
	contains(t, "the header", text(p, "#header h1"), `\u202eabc`)
	if browser.Eval[bool](p, `document.body.innerText.includes("\u202e")`) {
		t.Error("the page shows text in another order than it is")
	}
	if got := p.Fetched(); len(got) != 1 {
		t.Errorf("the page fetched %q", got)
	}
	if got := browser.Eval[int](p, "document.documentElement.scrollWidth"); got > 1000 {
		t.Errorf("the page is %d pixels wide", got)
		t.Log(browser.Eval[[]string](p, `[...document.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 120))`))
	}
	load(p, address+"#text="+strings.Repeat("%3Cscript%3E", 100)+"&key=%22%3E%3Cimg%3E")
}

// A page whose log is cut says so, and has the states as of there.
func TestCut(t *testing.T) {
	var file strings.Builder
	if _, err := put().WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	l, err := trace.ReadPart(strings.NewReader(file.String()[:file.Len()-20]), 6)
	if l == nil || err == nil {
		t.Fatal(err)
	}
	p := open(t, 1000, 800, l)
	contains(t, "the note", text(p, "#header"), "The page shows the end of the run only: 23 events before")
	contains(t, "the note", text(p, "#header"), "The log ends in the middle of event 29")
	press(p, "0")
	press(p, "j")
	contains(t, "the first event that is shown", text(p, "#event .when"), "event 24")
	contains(t, "the state there", text(p, "#state"), "follower")
	contains(t, "the state there", text(p, "#state"), "leader")
	contains(t, "the fault there", text(p, "#state .now"), "slow store:3")
}

func TestWithoutScript(t *testing.T) {
	p := browser.New(t, 800, 600)
	address := page(t, put())
	browser.Call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.Do(chromedp.Navigate(address))
	shown := false
	for _, n := range p.Accessible() {
		shown = shown || strings.Contains(n.Name, "This page shows the log of a run with JavaScript")
	}
	if !shown {
		t.Error("the page does not say that it needs JavaScript")
	}
}

// A screen reader finds each part by its role and name.
func TestAccessible(t *testing.T) {
	p := open(t, 1200, 800, synthetic(17, 12_000))
	all := p.Accessible()
	for _, want := range []browser.Node{
		{Role: "heading", Name: "TestManyPartitionsManyClients2B"},
		{Role: "toolbar", Name: "Tools"},
		{Role: "button", Name: "next event"},
		{Role: "button", Name: "next event of the selected lane"},
		{Role: "button", Name: "zoom in"},
		{Role: "button", Name: "Violation"},
		{Role: "searchbox", Name: "Text"},
		{Role: "listbox", Name: "Events"},
		{Role: "complementary", Name: "Selected event"},
		{Role: "columnheader", Name: "commit"},
		{Role: "rowheader", Name: "store 5"},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("there is no %s named %q", want.Role, want.Name)
		}
	}
	options, images := 0, 0
	for _, n := range all {
		switch n.Role {
		case "option":
			options++
		case "image", "img":
			images++
			if n.Name == "" {
				t.Error("a picture has no text")
			}
		case "button", "searchbox", "combobox", "checkbox", "link", "listbox":
			if n.Name == "" {
				t.Errorf("a %s has no name", n.Role)
			}
		}
	}
	if options < 4 || images < 2 {
		t.Errorf("%d options, %d pictures", options, images)
	}
	// All can be reached and left with the Tab key alone.
	reached := map[string]bool{}
	for range 40 {
		p.Do(chromedp.KeyEvent("\t"))
		reached[browser.Eval[string](p, `document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.tagName`)] = true
	}
	for _, want := range []string{"list", "search", "side", "next event", "SUMMARY"} {
		if !reached[want] {
			t.Errorf("Tab does not reach %s", want)
		}
	}
	browser.Eval[bool](p, `document.querySelector("#list").focus(), true`)
	press(p, "\ue00f") // Home, as no other key does
	p.Do(chromedp.KeyEvent("?"))
	if !browser.Eval[bool](p, `document.querySelector("#help").open`) {
		t.Error("? does not open the help")
	}
}

// Nothing is wider than the page, on a phone and at 80 % zoom, in both colour schemes.
func TestSizes(t *testing.T) {
	address := page(t, synthetic(17, 12_000))
	both := page(t, synthetic(17, 6_000), synthetic(17, 5_000))
	for _, size := range []struct {
		width, height int64
		scale         float64
	}{{360, 740, 2}, {1600, 1000, .8}, {1280, 720, 1}} {
		for _, scheme := range []string{"light", "dark"} {
			p := browser.New(t, int(size.width), int(size.height))
			p.Prefer(scheme)
			p.Do(chromedp.EmulateViewport(size.width, size.height, chromedp.EmulateScale(size.scale)))
			for _, a := range []string{address, both} {
				load(p, a)
				type overflow struct {
					Page int64
					Wide []string
				}
				got := browser.Eval[overflow](p, `({Page: document.documentElement.scrollWidth, Wide: [...document.querySelectorAll("header, #tools > *, #picture, #events, #side, #header *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))})`)
				if got.Page > size.width || len(got.Wide) > 0 {
					t.Errorf("at %v, the page is %d wide; too far right are %q", size, got.Page, got.Wide)
				}
				for _, menu := range browser.Eval[[]string](p, `[...document.querySelectorAll("#tools details")].map(d => { d.open = true; const r = d.querySelector(".menu").getBoundingClientRect(); d.open = false; return r.left < 0 || r.right > innerWidth + 1 ? d.textContent : ""; }).filter(s => s)`) {
					t.Errorf("at %v, a menu does not fit: %s", size, menu)
				}
			}
		}
	}
}

// A print is a figure: the diagram in light colours with the header and the schedule.
func TestPrint(t *testing.T) {
	p := open(t, 1000, 1400, synthetic(17, 12_000))
	p.Prefer("dark")
	settled(p)
	ground := func() string {
		return browser.Eval[string](p, `(() => {
			const copy = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
			copy.drawImage(document.querySelector("#diagrams canvas"), 0, 0);
			return copy.getImageData(1, 1, 1, 1).data.join();
		})()`)
	}
	if got := ground(); got != "20,23,27,255" {
		t.Errorf("in the dark, the ground is %s", got)
	}
	browser.Call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	browser.Eval[bool](p, `dispatchEvent(new Event("beforeprint"))`)
	settled(p)
	if got := ground(); got != "255,255,255,255" {
		t.Errorf("on paper, the ground is %s", got)
	}
	for selector, shown := range map[string]bool{"#diagrams canvas": true, "#header .found": true, "#header pre": true, "#state table": true, "#tools": false, "#list": false, "button": false} {
		if got := browser.Eval[float64](p, fmt.Sprintf(`document.querySelector(%q).getBoundingClientRect().height`, selector)); got > 10 != shown {
			t.Errorf("%s is %g pixels high", selector, got)
		}
	}
	browser.Eval[bool](p, `dispatchEvent(new Event("afterprint"))`)
	if browser.Eval[bool](p, `document.querySelector("#header details").open`) {
		t.Error("what was opened for the print stays open")
	}
}

// What happens in the diagram: a click selects, the wheel zooms, a drag moves.
func TestPointer(t *testing.T) {
	p := open(t, 1200, 800, put())
	press(p, "0")
	span := func() (t0, long float64) {
		var at [2]float64
		data := browser.Eval[string](p, `(() => { const q = new URLSearchParams(location.hash.slice(1)); return JSON.stringify([+q.get("t"), +q.get("span")]); })()`)
		if err := json.Unmarshal([]byte(data), &at); err != nil {
			t.Fatal(err)
		}
		return at[0], at[1]
	}
	box := browser.Eval[[]float64](p, `(() => { const r = document.querySelector("#diagrams canvas").getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
	// The lane of the first client is at the top. Its operation goes from 2 ms to 12 ms.
	t0, long := span()
	x := box[0] + 104 + (0.007-t0)/long*(box[2]-104)
	p.Do(chromedp.MouseClickXY(x, box[1]+24+15+10+8))
	settled(p)
	contains(t, "the event under the pointer", text(p, "#event .sentence"), "operation 3 begins")

	browser.Eval[bool](p, fmt.Sprintf(`document.querySelector("#diagrams canvas").dispatchEvent(new WheelEvent("wheel", {deltaY: -200, clientX: %f, clientY: %f, cancelable: true}))`, x, box[1]+200))
	settled(p)
	if _, after := span(); after >= long*.8 {
		t.Errorf("the wheel leaves the span at %g of %g", after, long)
	}
	before, _ := span()
	p.Do(
		chromedp.MouseEvent(chromedp.MousePressed, x, box[1]+300, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, x-60, box[1]+300, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, x-120, box[1]+300, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, x-120, box[1]+300, chromedp.ButtonLeft),
	)
	settled(p)
	if after, _ := span(); after <= before {
		t.Errorf("dragging to the left moves from %g to %g", before, after)
	}
	strip := browser.Eval[[]float64](p, `(() => { const r = document.querySelector("#strips canvas").getBoundingClientRect(); return [r.left, r.top, r.width]; })()`)
	p.Do(chromedp.MouseClickXY(strip[0]+strip[2]*.95, strip[1]+20))
	settled(p)
	if after, _ := span(); after < .01 {
		t.Errorf("a click at the end of the overview leads to %g s", after)
	}
}

// Two fingers that part zoom in.
func TestTouch(t *testing.T) {
	p := browser.New(t, 360, 740)
	browser.Call(p, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	load(p, page(t, put())+"#t=0&span=0.02")
	y := browser.Eval[float64](p, `document.querySelector("#diagrams canvas").getBoundingClientRect().top`) + 200
	touch := func(kind input.DispatchTouchEventType, x ...float64) {
		points := []*input.TouchPoint{}
		for i := range x {
			id := float64(i)
			points = append(points, &input.TouchPoint{X: x[i], Y: y, ID: &id})
		}
		browser.Call(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points})
	}
	touch(input.DispatchTouchEventTypeTouchStart, 150, 250)
	for d := 10.0; d <= 50; d += 10 {
		touch(input.DispatchTouchEventTypeTouchMove, 150-d, 250+d)
	}
	touch(input.DispatchTouchEventTypeTouchEnd)
	settled(p)
	if got := browser.Eval[float64](p, `+new URLSearchParams(location.hash.slice(1)).get("span")`); got > .015 || got < .005 {
		t.Errorf("the diagram shows %g s of 0.02 s", got)
	}
}

// A page that holds no log, or a broken one, says so.
func TestBroken(t *testing.T) {
	data, err := os.ReadFile("../../view/page.html")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	p := browser.New(t, 800, 600)
	p.Do(chromedp.Navigate("file://" + name))
	p.Until(`document.querySelector("#loading").className === "failed"`)
	contains(t, "the page", text(p, "#loading"), "it holds no log: lab view makes the page")
}
