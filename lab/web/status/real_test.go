package status_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/web/browser"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
	"github.com/labkv/labkv/scheduler/status"
)

// TestCluster kills a store of a real cluster by its button, sees it go, and starts it
// again.
func TestCluster(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("stores need a C compiler")
	}
	url, scheduler := startCluster(t)
	load(t, scheduler)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the cluster says: %s", get(url+"status.json"))
		}
	})
	p := browser.New(t, 1280, 900)
	p.Do(chromedp.Navigate(url))
	p.Until(`document.querySelector("#figures").textContent.startsWith("3 of 3stores up")`)
	// The load shows, and the region has all its peers, so that it can do without one.
	replicated(t, url)
	p.Until(`[...document.querySelectorAll(".figure")].some(f => f.textContent.endsWith("requests/s") && parseFloat(f.textContent) > 0)`)
	p.Until(`[...document.querySelectorAll(".figure")].some(f => f.textContent.startsWith("all") && f.textContent.endsWith("with all peers"))`)
	const second = `[...document.querySelectorAll("#stores tbody tr")].find(r => r.textContent.includes("server-2, process"))`
	pid := browser.Eval[string](p, second+`.textContent.match(/process (\d+)/)[1]`)

	browser.Eval[bool](p, `(`+second+`.querySelector("button.kill").click(), true)`)
	within(t, p, second+`.querySelector(".state").textContent.startsWith("down")`)
	p.Until(second + `.textContent.includes("signal: killed, as was asked for")`)
	p.Until(`document.querySelector("#figures").textContent.startsWith("2 of 3stores up")`)
	// The others have a leader soon, if it was not one of them already.
	p.Until(`[...document.querySelectorAll(".figure")].some(f => f.textContent.startsWith("all") && f.textContent.endsWith("with a leader"))`)

	p.Until(second + `.querySelector("button.restart").textContent === "start"`)
	browser.Eval[bool](p, `(`+second+`.querySelector("button.restart").click(), true)`)
	p.Until(second + `.querySelector(".state").textContent.startsWith("up")`)
	p.Until(`document.querySelector("#figures").textContent.startsWith("3 of 3stores up")`)
	if got := browser.Eval[string](p, second+`.textContent.match(/process (\d+)/)[1]`); got == pid {
		t.Errorf("the process is %s as before", got)
	}

	browser.Eval[bool](p, `(`+second+`.querySelector("button.pause").click(), true)`)
	within(t, p, second+`.querySelector(".state").textContent.startsWith("paused")`)
	browser.Eval[bool](p, `(`+second+`.querySelector("button.pause").click(), true)`)
	p.Until(second + `.querySelector(".state").textContent.startsWith("up")`)
}

// replicated waits until each region has three peers, all of them well.
func replicated(t *testing.T, url string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for ; ; time.Sleep(100 * time.Millisecond) {
		var report status.Report
		text := get(url + "status.json")
		if err := json.Unmarshal([]byte(text), &report); err == nil && len(report.Regions) > 0 &&
			!slices.ContainsFunc(report.Regions, func(r status.Region) bool {
				return len(r.Peers) < 3 || slices.ContainsFunc(r.Peers, func(p status.Peer) bool { return p.State != status.PeerOK })
			}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the regions do not get three peers: %s", text)
		}
	}
}

// get returns what is at an address, or why that cannot be had.
func get(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// startCluster runs "lab cluster" until the test ends, and returns the addresses of its
// page and of its scheduler.
func startCluster(t *testing.T) (url, scheduler string) {
	t.Helper()
	dir := t.TempDir()
	lab := filepath.Join(dir, "lab")
	build := exec.Command("go", "build", "-o", lab, "./cmd/lab")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(lab, "-C", "../../..", "cluster", "--dir", filepath.Join(dir, "data"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("lab cluster does not end")
			_ = cmd.Process.Kill()
			<-ended
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("lab cluster: %v", err)
		}
	})
	found := make(chan [2]string, 1)
	go func() {
		defer close(ended)
		pattern := regexp.MustCompile(`^  (http://127\.0\.0\.1:\d+/)$|^scheduler at (\S+),`)
		var scheduler string
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := pattern.FindStringSubmatch(lines.Text()); m != nil {
				if m[2] != "" {
					scheduler = m[2]
				} else {
					found <- [2]string{m[1], scheduler}
					break
				}
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case f := <-found:
		return f[0], f[1]
	case <-ended:
	case <-time.After(10 * time.Minute): // it may have to compile everything
	}
	t.Fatal("lab cluster does not say where its page is")
	return "", ""
}

// load writes and reads until the test ends.
func load(t *testing.T, scheduler string) {
	t.Helper()
	conn, err := schedulerclient.Dial(scheduler)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewRaw(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var loading sync.WaitGroup
	loading.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Appendf(nil, "key-%03d", i%500)
			// While a store is away, requests may fail: that is no concern of the page.
			_ = c.Put(ctx, engine.CFDefault, key, []byte("value"))
			_, _, _ = c.Get(ctx, engine.CFDefault, key)
			time.Sleep(5 * time.Millisecond)
		}
	})
	t.Cleanup(func() {
		stop()
		loading.Wait()
		c.Close()
		conn.Close()
	})
}
