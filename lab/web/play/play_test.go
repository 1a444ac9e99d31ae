// Package play_test plays in a real browser with the reference solution and with a
// wrong one.
package play_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/overlay"
	"github.com/labkv/labkv/lab/play"
	"github.com/labkv/labkv/lab/web/browser"
)

// page returns the file of the playground with the Raft of the tree. It is built once.
var page = sync.OnceValues(func() (string, error) { return build("reference") })

// wrong is a page with a wrong Raft: the mutant of Figure 8, which also panics and
// hangs over what is proposed.
var wrong = sync.OnceValues(func() (string, error) {
	mutant, err := os.ReadFile("../../mutants/2ab/earlier-term-committed-by-counting.go")
	if err != nil {
		return "", err
	}
	right, err := os.ReadFile("../../../raft/replication.go")
	if err != nil {
		return "", err
	}
	files := map[string][]byte{
		"raft/zz_counting.go": bytes.Replace(mutant, []byte("//go:build mutant"), nil, 1),
		"raft/zz_propose.go": []byte(`package raft

import (
	"fmt"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	for _, e := range entries {
		switch data := string(e.Data); {
		case len(data) > 5 && data[len(data)-5:] == "panic":
			panic("what a proposal")
		case len(data) > 5 && data[len(data)-5:] == "print":
			println("takes", len(entries))
			fmt.Println("in term", r.term)
		case len(data) >= 4 && data[len(data)-4:] == "much":
			for i := range 1000 {
				println("line", i)
			}
		case len(data) >= 4 && data[len(data)-4:] == "lock":
			select {}
		case len(data) > 4 && data[len(data)-4:] == "deep":
			return r.propose(entries)
		case len(data) > 4 && data[len(data)-4:] == "loop":
			for r.term > 0 {
				r.msgs = r.msgs[:0]
			}
		}
	}
	return r.rightPropose(entries)
}
`),
		"raft/replication.go": right,
	}
	for _, name := range []string{"maybeCommit", "propose"} {
		method := []byte("func (r *Raft) " + name + "(")
		at := bytes.Index(files["raft/replication.go"], method)
		if at < 0 {
			return "", fmt.Errorf("raft/replication.go has no method %s", name)
		}
		renamed := "func (r *Raft) right" + strings.ToUpper(name[:1]) + name[1:] + "("
		files["raft/replication.go"] = bytes.Replace(files["raft/replication.go"], method, []byte(renamed), 1)
	}
	return buildWith("wrong", files)
})

// buildWith builds a page of the tree with other files.
func buildWith(name string, files map[string][]byte) (string, error) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, name+"-overlay")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	overlay, err := overlay.WriteOverlay(dir, root, files)
	if err != nil {
		return "", err
	}
	return build(name, "-overlay="+overlay)
}

// scratch is the directory of the built pages.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "labkv-play-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

func build(name string, flags ...string) (string, error) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	b := play.Builder{Root: root, Scratch: dir, Flags: flags}
	text, err := b.Page(context.Background())
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "playground.html")
	return file, os.WriteFile(file, text, 0o644)
}

func open(t *testing.T, width, height int, build func() (string, error)) *browser.Page {
	t.Helper()
	file, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := browser.New(t, width, height)
	p.Do(chromedp.Navigate("file://" + file))
	p.Until(`!document.getElementById("app").hidden`)
	return p
}

// click clicks the button with that key, once it can be clicked.
func click(p *browser.Page, key string) {
	selector := fmt.Sprintf("[data-key=%q]", key)
	p.Until(fmt.Sprintf(`!!document.querySelector(%[1]q) && !document.querySelector(%[1]q).disabled`, selector))
	browser.Eval[bool](p, fmt.Sprintf(`(document.querySelector(%q).click(), true)`, selector))
}

// idle waits until nothing that was asked for is under way.
func idle(p *browser.Page) {
	p.Until(`!document.getElementById("app").hasAttribute("aria-busy")`)
}

// does waits until the last step of the page is this one, and nothing is under way.
func does(p *browser.Page, step string) {
	p.Until(fmt.Sprintf(`!document.getElementById("app").hasAttribute("aria-busy") && document.querySelector(".steps [aria-current]")?.textContent === %q`, step))
}

// press presses a key.
func press(p *browser.Page, key string) {
	browser.Eval[bool](p, fmt.Sprintf(`(document.body.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true})), true)`, key))
}

// says returns the text of the first element for a selector.
func says(p *browser.Page, selector string) string {
	return browser.Eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

// node is what the row of a node shows of its state.
func node(p *browser.Page, id int) string {
	return browser.Eval[string](p, fmt.Sprintf(`document.querySelectorAll(".node .facts")[%d].innerText.replace(/\s+/g, " ")`, id-1))
}

// load loads a script.
func load(p *browser.Page, script string) {
	click(p, "load")
	p.Until(`!!document.querySelector("dialog textarea")`)
	browser.Eval[bool](p, fmt.Sprintf(`(document.querySelector("dialog textarea").value = %q, document.querySelector("dialog [type=submit]").click(), true)`, script))
	p.Until(`!document.querySelector("dialog") || document.querySelector("dialog .wrong").textContent !== ""`)
}

// saved returns the script that the page saves.
func saved(p *browser.Page) string {
	click(p, "save")
	p.Until(`!!document.querySelector("dialog textarea")?.value`)
	text := browser.Eval[string](p, `document.querySelector("dialog textarea").value`)
	browser.Eval[bool](p, `(document.querySelector("dialog [type=button]:not(.main)").closest("dialog").close(), true)`)
	p.Until(`!document.querySelector("dialog")`)
	return text
}

// picture writes what the page shows to the folder that LABKV_PICTURES names, if it
// does: pictures for the guides are made that way.
func picture(p *browser.Page, name string) {
	if dir := os.Getenv("LABKV_PICTURES"); dir != "" {
		p.Screenshot(filepath.Join(dir, name+".png"))
	}
}

// A leader is elected and commits, by the mouse and by the keys.
func TestElectAndCommit(t *testing.T) {
	p := open(t, 1360, 900, page)
	click(p, "campaign1")
	does(p, "campaign 1")
	require.Contains(t, node(p, 1), "candidate term 1")
	require.Contains(t, says(p, ".flight h2"), "In flight: 2")
	browser.Eval[bool](p, `(document.querySelector(".messages [aria-label='Deliver request-vote 1->2']").click(), true)`)
	does(p, "deliver request-vote 1->2")
	require.Contains(t, says(p, "#said"), "node 2 votes for node 1", "what happened is announced")
	press(p, "s")
	does(p, "settle")
	require.Contains(t, node(p, 1), "leader term 1")
	press(p, "p")
	does(p, "propose 1 x=1")
	press(p, "s")
	does(p, "settle")
	require.Contains(t, node(p, 1), "commit 2")
	require.Equal(t, "Guarantees: all hold", says(p, ".sure h2"))
	require.Equal(t, 0, browser.Eval[int](p, `document.querySelectorAll(".guarantees .broken").length`))

	// A node that is not the leader refuses, and the step says so.
	press(p, "3")
	press(p, "p")
	does(p, "propose 3 x=2")
	require.Contains(t, says(p, ".did"), "refused: raft: not the leader")
	require.Equal(t, []string{p.Fetched()[0]}, p.Fetched(), "the page fetches nothing")
}

// A leader in a minority commits nothing. To go back and do another thing is a branch.
func TestPartitionAndBranch(t *testing.T) {
	p := open(t, 1360, 900, page)
	load(p, "# Minority\n\nnodes 5\n\n# Node 1 leads.\ncampaign 1\nsettle\nexpect leader 1\n\n# It is cut off with node 2.\npartition 1 2 | 3 4 5\npropose 1 a=1\nsettle\nexpect commit 1 1\n")
	require.Contains(t, says(p, ".title"), "Minority")
	click(p, "next")
	does(p, "settle")
	require.Contains(t, says(p, ".note"), "Node 1 leads.")
	require.Contains(t, says(p, ".did"), "✓ leader 1")
	press(p, "n")
	p.Until(`document.querySelector("[data-key=next]").disabled && document.querySelector(".steps h2").textContent === "Steps: 5"`)
	require.Contains(t, node(p, 1), "commit 1")

	click(p, "campaign3")
	does(p, "campaign 3")
	require.Contains(t, says(p, ".title"), "on a branch of your own")
	press(p, "s")
	does(p, "settle")
	require.Contains(t, node(p, 3), "leader term 2")
	before := saved(p)

	// Back to before the partition, and on from there.
	browser.Eval[bool](p, `([...document.querySelectorAll(".steps-list button")].find(b => b.textContent === "settle").click(), true)`)
	p.Until(`document.querySelector(".steps h2").textContent === "Steps: 2"`)
	click(p, "crash1")
	does(p, "crash 1")
	require.Contains(t, node(p, 1), "down")
	require.Equal(t, 9, browser.Eval[int](p, `document.querySelectorAll(".steps-list li").length`), "both branches are shown")
	picture(p, "branch")

	// The first branch is as it was.
	browser.Eval[bool](p, `([...document.querySelectorAll(".steps-list button")].find(b => b.textContent === "campaign 3").click(), true)`)
	does(p, "campaign 3")
	press(p, "ArrowRight")
	does(p, "settle")
	require.Contains(t, node(p, 3), "leader term 2")
	require.Equal(t, before, saved(p))
	require.NoError(t, play.Run(play.Tree{}, "saved.txt", before), "what was saved runs as a Go test:\n%s", before)
}

// Every story can be read to its end, and what is saved then passes.
func TestStories(t *testing.T) {
	p := open(t, 1360, 900, page)
	for _, s := range play.Stories() {
		browser.Eval[bool](p, fmt.Sprintf(`(() => { const s = document.querySelector("[data-key=story]"); s.value = %q; s.dispatchEvent(new Event("change")); return true })()`, s.Name))
		title := strings.TrimPrefix(strings.SplitN(s.Text, "\n", 2)[0], "# ")
		p.Until(fmt.Sprintf(`document.querySelector(".tell .title")?.textContent === %q && document.querySelector(".steps h2").textContent === "Steps: 0"`, title))
		for n := 0; !browser.Eval[bool](p, `document.querySelector("[data-key=next]").disabled`); n++ {
			press(p, "n")
			idle(p)
			require.Empty(t, says(p, ".alarm"), s.Name)
			require.Less(t, n, 40)
			if n == 7 {
				picture(p, s.Name)
			}
		}
		script := saved(p)
		require.NoError(t, play.Run(play.Tree{}, s.Name, script), script)
	}
}

// Time runs by itself until it is paused; the same rounds as one line of a script lead
// to the same state.
func TestRun(t *testing.T) {
	p := open(t, 1360, 900, page)
	press(p, "r")
	p.Until(`Number(document.querySelector(".steps [aria-current]")?.textContent.match(/^run (\d+)$/)?.[1]) > 25`)
	press(p, "r")
	p.Until(`document.querySelector("[data-key=run]").textContent === "Run"`)
	script := saved(p)
	require.Contains(t, script, "expect leader")
	require.NoError(t, play.Run(play.Tree{}, "run.txt", script), script)
}

// The page tells what is wrong with a script, and stays as it was.
func TestBadScript(t *testing.T) {
	p := open(t, 1360, 900, page)
	load(p, "nodes 3\ncampain 1\n")
	require.Contains(t, says(p, "dialog .wrong"), `script:2: unknown word "campain"`)
	browser.Eval[bool](p, `(document.querySelector("dialog").close(), true)`)
	load(p, "nodes 3\n\n# Not so.\ncampaign 1\nexpect leader 1\n")
	click(p, "next")
	p.Until(`!!document.querySelector(".alarm")`)
	require.Equal(t, "expected node 1 to lead, and there is none", says(p, ".alarm"))
}

// figure8 is Figure 8 with the entry on four of five nodes, and the leader knows.
const figure8 = `# Figure 8

nodes 5
campaign 3
settle
tick 3 2
settle
campaign 1
deliver all request-vote
deliver all vote
deliver append 1->2
drop all
crash 1
campaign 5
deliver request-vote 5->3
deliver request-vote 5->4
deliver all vote
drop all
crash 5
restart 1
campaign 1
drop all
campaign 1
deliver all request-vote
deliver all vote
drop append 1->2
deliver all append
deliver all append-reply
deliver append 1->3
deliver append 1->4
deliver append-reply 3->1
deliver append-reply 4->1
`

// A leader that counts copies of entries of earlier terms breaks the guarantees, one
// after the other, up to what a client would notice.
func TestWrongRaftBreaksGuarantees(t *testing.T) {
	p := open(t, 1360, 900, wrong)
	load(p, figure8)
	press(p, "n")
	does(p, "deliver append-reply 4->1")
	require.Contains(t, says(p, ".alarm"), "Broken: Own term commits. leader 1 of term 4 commits up to entry 2/2, which is of an earlier term (Raft §5.4.2)")
	require.Contains(t, says(p, ".guarantees .broken"), "Own term commits")
	for _, key := range []string{"crash1", "none", "restart5", "campaign5", "none", "campaign5"} {
		click(p, key)
		idle(p)
	}
	does(p, "campaign 5")
	press(p, "s")
	does(p, "settle")
	require.Contains(t, says(p, ".sure"), "node 5 leads term 5 without entry 2/2, which is committed")
	picture(p, "broken")
	script := saved(p)
	require.Contains(t, script, "expect broken own-term-commits\n")
	require.Contains(t, script, "expect broken leader-completeness\n")
	// The reference has none of it.
	require.ErrorContains(t, play.Run(play.Tree{}, "figure8.txt", script), "expected ")

	// A broken run is left by going back.
	browser.Eval[bool](p, `(document.querySelector(".steps-list button").click(), true)`)
	does(p, "the beginning")
	require.Equal(t, "Guarantees: all hold", says(p, ".sure h2"))
}

// A panic is shown with the student's calls, and one step before it all goes on. Code
// that does not return is ended.
func TestPanicsAndLoops(t *testing.T) {
	p := open(t, 1360, 900, wrong)
	press(p, "c")
	does(p, "campaign 1")
	press(p, "s")
	does(p, "settle")
	click(p, "propose1")
	does(p, "propose 1 x=1")
	require.NotContains(t, says(p, ".tell"), "panics")
	propose := func(text string) {
		browser.Eval[bool](p, `(document.querySelector("[data-key=more1]").click(), document.querySelector("[data-key=more1text]").click(), true)`)
		browser.Eval[bool](p, fmt.Sprintf(`(document.querySelector("dialog [name=text]").value = %q, document.querySelector("dialog [type=submit]").click(), true)`, text))
	}
	propose("panic")
	does(p, "propose 1 panic")
	require.Contains(t, says(p, ".alarm strong"), "node 1 panics in raft.(*Raft).propose")
	require.Contains(t, says(p, ".alarm pre"), "raft.(*Raft).propose")
	press(p, "t")
	p.Until(`document.querySelector(".alarm").textContent.includes("panics")`)
	press(p, "ArrowLeft")
	does(p, "propose 1 x=1")
	press(p, "s")
	does(p, "settle")
	require.Contains(t, node(p, 1), "commit 2")

	propose("loop")
	p.Until(`document.querySelector(".alarm")?.textContent.includes("has not returned within 10 seconds")`)
	propose("deep")
	p.Until(`document.querySelector(".alarm")?.textContent.includes("stack overflow")`)
	propose("lock")
	p.Until(`document.querySelector(".alarm")?.textContent.includes("waits in raft.(*Raft).propose for a channel or a lock")`)
	propose("print")
	does(p, "propose 1 print")
	require.Equal(t, "takes 1\nin term 1", says(p, ".printed"))
	propose("much")
	does(p, "propose 1 much")
	require.Contains(t, says(p, ".printed"), "line 19\n(940 lines left out)\nline 960\n")
	press(p, "t")
	does(p, "tick 1")
	require.Contains(t, node(p, 1), "leader")
}

// A program that panics or hangs before its main function is not started forever: the
// page says what is wrong.
func TestInit(t *testing.T) {
	for name, c := range map[string]struct{ code, says string }{
		"panic": {`func init() { panic("a <b>bad</b> table") }`, "panic: a <b>bad</b> table"},
		"exit":  {`func init() { os.Exit(3) }`, "the program has ended"},
		"loop":  {`func init() { for os.Getpid() != 0 { } }`, "has not returned within 10 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := buildWith("init-"+name, map[string][]byte{
				"raft/zz_init.go": []byte("package raft\n\nimport \"os\"\n\nvar _ = os.Args\n\n" + c.code + "\n"),
			})
			require.NoError(t, err)
			p := browser.New(t, 800, 600)
			p.Do(chromedp.Navigate("file://" + file))
			p.Until(`!document.getElementById("loading").textContent.includes("Starting")`)
			require.Contains(t, says(p, "#loading"), "The playground does not start: ")
			require.Contains(t, says(p, "#loading"), c.says)
		})
	}
}

// A panic in a goroutine that the code has started is reported with the next step, which
// can then be done again.
func TestPanicBetweenSteps(t *testing.T) {
	p := open(t, 1000, 800, func() (string, error) {
		return buildWith("between", map[string][]byte{
			"raft/zz_init.go": []byte("package raft\n\nimport \"time\"\n\nfunc init() { time.AfterFunc(3*time.Second, func() { panic(\"too late\") }) }\n"),
		})
	})
	browser.Eval[bool](p, `new Promise((done) => setTimeout(() => done(true), 4000))`)
	press(p, "c")
	p.Until(`document.querySelector(".alarm")?.textContent.includes("in a goroutine of the code: panic: too late")`)
	press(p, "c")
	does(p, "campaign 1")
}

// Served, the page is the same, and asks its host for nothing more.
func TestServed(t *testing.T) {
	_, err := page()
	require.NoError(t, err)
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	s := &play.Server{Builder: play.Builder{Root: root, Scratch: filepath.Join(scratch, "reference")}}
	server := httptest.NewServer(s)
	defer server.Close()
	s.Hosts = []string{server.Listener.Addr().String()}
	p := browser.New(t, 1000, 800)
	p.Do(chromedp.Navigate(server.URL + "/#figure7"))
	p.Until(`document.querySelector(".tell .title")?.textContent.startsWith("Figure 7")`)
	require.Equal(t, []string{server.URL + "/"}, p.Fetched())
}

// At the width of a phone nothing is cut off.
func TestPhone(t *testing.T) {
	p := open(t, 360, 740, page)
	press(p, "c")
	does(p, "campaign 1")
	press(p, "s")
	does(p, "settle")
	require.LessOrEqual(t, browser.Eval[int](p, `document.documentElement.scrollWidth`), 360)
	picture(p, "phone")
	browser.Eval[bool](p, `(document.querySelector("[data-key=help]").click(), true)`)
	require.LessOrEqual(t, browser.Eval[int](p, `document.querySelector("dialog").getBoundingClientRect().right`), 360)
}

// The page is small enough to be passed on, and fast enough to do the whole path again
// whenever a step is gone back to.
func TestSizeAndSpeed(t *testing.T) {
	file, err := page()
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	t.Logf("the page has %.1f MB", float64(info.Size())/1e6)
	require.Less(t, info.Size(), int64(15<<20))

	p := open(t, 1360, 900, page)
	load(p, "nodes 5\nrun 1000\n")
	took := browser.Eval[float64](p, `new Promise((done) => {
		const begin = performance.now();
		document.querySelector("[data-key=next]").click();
		const look = () => document.querySelector(".steps [aria-current]").textContent === "run 1000" ? done(performance.now() - begin) : setTimeout(look, 1);
		look();
	})`)
	t.Logf("1000 rounds of five nodes took %.0f ms: %.0f ticks a second, with the messages in between", took, 5000/took*1000)
	require.Regexp(t, `(leader|follower) term [1-9]`, node(p, 1))
}
