//go:build cgo

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
	"github.com/labkv/labkv/scheduler/status"
)

// A clusterProcess is "lab cluster" as a process, as a terminal runs it.
type clusterProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   io.Closer   // the reading end of its output
	lines chan string // of its output; closed at the end
	addrs []string
	// scheduler is the address of the scheduler, empty if there is none.
	scheduler string
	pids      map[string]int // by name
	page      string         // its address
}

// startCluster runs "lab cluster" on dir and returns once it says how to stop it. It has
// three stores, and a scheduler unless it is static.
func startCluster(t *testing.T, dir string, args ...string) *clusterProcess {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &clusterProcess{
		t:     t,
		cmd:   exec.Command(self, append([]string{"-C", "../..", "cluster", "--dir", dir}, args...)...),
		lines: make(chan string),
		pids:  map[string]int{},
	}
	p.cmd.Env = append(os.Environ(), "LAB_MAIN=1")
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = out
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		// A cluster that does not stop must not hold up the tests, nor outlive them.
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		for _, pid := range p.pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for range p.lines { // ends the goroutine that reads them
		}
	})
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	for len(p.addrs) < 3 {
		m := p.expect(`^(scheduler|server-\d|store \d) at (\S+), process (\d+), log in (.*)$`)
		if m[1] == "scheduler" {
			p.scheduler = m[2]
		} else {
			p.addrs = append(p.addrs, m[2])
		}
		p.note(m[1], m[3])
		require.True(t, strings.HasPrefix(m[4], dir), m[4])
	}
	p.page = p.expect(`^  (http://127\.0\.0\.1:\d+)/$`)[1]
	p.expect("Ctrl-C")
	return p
}

// status returns what the page says of the cluster.
func (p *clusterProcess) status() (r status.Report) {
	p.t.Helper()
	response, err := http.Get(p.page + "/status.json")
	require.NoError(p.t, err)
	defer response.Body.Close()
	require.NoError(p.t, json.NewDecoder(response.Body).Decode(&r))
	return r
}

// states returns the states of the stores, in words.
func (p *clusterProcess) states() string {
	p.t.Helper()
	var states []string
	for _, s := range p.status().Stores {
		states = append(states, s.Process.Name+" "+s.State)
	}
	slices.Sort(states)
	return strings.Join(states, ", ")
}

// act does something to a process, as the page does, and returns the code of the answer.
func (p *clusterProcess) act(process, action string) int {
	p.t.Helper()
	events, err := http.Get(p.page + "/events")
	require.NoError(p.t, err)
	defer events.Body.Close()
	first, err := bufio.NewReader(events.Body).ReadString('\n')
	require.NoError(p.t, err)
	token := regexp.MustCompile(`"token":"(\w+)"`).FindStringSubmatch(first)
	require.NotNil(p.t, token, first)
	r, err := http.NewRequestWithContext(await.Context(p.t, "an answer of the page"), http.MethodPost, p.page+"/process/"+process+"/"+action, nil)
	require.NoError(p.t, err)
	r.Header.Set(status.TokenHeader, token[1])
	response, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	response.Body.Close()
	return response.StatusCode
}

// expect reads lines up to one that matches, and returns the match.
func (p *clusterProcess) expect(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(await.BuildLimit) // it may have to build the server first
	var seen []string
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("lab cluster ended before it said %q:\n%s", pattern, strings.Join(seen, "\n"))
			}
			if m := re.FindStringSubmatch(line); m != nil {
				return m
			}
			seen = append(seen, line)
		case <-late:
			p.t.Fatalf("lab cluster did not say %q within %s:\n%s", pattern, await.BuildLimit, strings.Join(seen, "\n"))
		}
	}
}

func (p *clusterProcess) note(name, pid string) {
	n, err := strconv.Atoi(pid)
	require.NoError(p.t, err)
	p.pids[name] = n
}

// stop sends a signal, and requires that everything ends in order.
func (p *clusterProcess) stop(signal syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(signal))
	p.ends()
}

// ends requires that lab and all processes of the cluster end.
func (p *clusterProcess) ends() {
	p.t.Helper()
	late := time.AfterFunc(await.Limit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	for range p.lines {
	}
	require.NoError(p.t, p.cmd.Wait(), "within %s", await.Limit)
	for name, pid := range p.pids {
		require.Equal(p.t, syscall.ESRCH, syscall.Kill(pid, 0), "%s, process %d, is left", name, pid)
	}
}

// TestCluster kills a store of a running cluster. The others go on, the store comes
// back by itself, and whatever ends the cluster leaves no process and no file; the
// next cluster of the same directory has the data.
func TestCluster(t *testing.T) {
	t.Run("with a scheduler", func(t *testing.T) {
		testCluster(t, "server-2", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP})
	})
	t.Run("static", func(t *testing.T) {
		testCluster(t, "store 2", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, "--static")
	})
}

// testCluster kills a store, of that name, and the scheduler. Signals end the cluster.
func testCluster(t *testing.T, victim string, signals []syscall.Signal, args ...string) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	dir := t.TempDir()
	for i, signal := range signals {
		p := startCluster(t, dir, args...)
		args = nil // a cluster that is there is of the kind that it is
		config := client.Config{Stores: client.At(p.addrs...)}
		if strings.HasPrefix(victim, "server-") {
			conn, err := schedulerclient.Dial(p.scheduler)
			require.NoError(t, err)
			defer conn.Close()
			config = client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)}
		} else {
			require.Empty(t, p.scheduler)
		}
		c, err := client.NewRaw(config)
		require.NoError(t, err)
		key := []byte("a")
		if i > 0 {
			value, found, err := c.Get(await.Context(t, "a read"), engine.CFDefault, key)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, strconv.Itoa(i-1), string(value))
		}
		put(t, c, key, strconv.Itoa(i))
		if i == 0 {
			for name := range p.pids {
				if name == victim || name == "scheduler" {
					require.NoError(t, syscall.Kill(p.pids[name], syscall.SIGKILL))
					p.expect(`^` + name + ` has ended \(signal: killed\), log in .*` + strings.ReplaceAll(name, " ", "-") + `\.log; it is started again in 5s$`)
					put(t, c, []byte("b"), "without one")
					p.note(name, p.expect(`^` + name + ` runs again, process (\d+)$`)[1])
				}
			}
		}
		c.Close()
		p.stop(signal)
	}
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
}

// put writes until the write is acknowledged: of one on its way to a store that dies,
// the outcome is unknown, and to write it again does no harm here.
func put(t *testing.T, c *client.Raw, key []byte, value string) {
	t.Helper()
	ctx := await.Context(t, "a write")
	for {
		err := c.Put(ctx, engine.CFDefault, key, []byte(value))
		if err == nil {
			return
		}
		require.NoError(t, context.Cause(ctx), err)
	}
}

// The page of a cluster shows its processes, and does to them what it is asked for. A store
// that it has killed stays down.
func TestClusterPage(t *testing.T) {
	p := startCluster(t, t.TempDir(), "--static")
	await.Until(t, "all stores to be up", func() bool {
		return p.states() == "store-1 up, store-2 up, store-3 up"
	})
	require.Nil(t, p.status().Scheduler)
	require.Equal(t, http.StatusNotFound, p.act("store-4", "kill"))
	require.Equal(t, http.StatusNotFound, p.act("store-1", "eat"))
	require.Equal(t, http.StatusConflict, p.act("store-1", "resume"))
	require.Equal(t, http.StatusOK, p.act("store-2", "kill"))
	p.expect(`^store 2 has ended \(signal: killed\), as was asked for; it is started again on request$`)
	require.Equal(t, http.StatusOK, p.act("store-3", "pause"))
	await.Until(t, "the page to show both", func() bool {
		return p.states() == "store-1 up, store-2 down, store-3 paused"
	})
	require.Equal(t, http.StatusConflict, p.act("store-2", "kill"))
	require.Equal(t, http.StatusOK, p.act("store-2", "restart"))
	p.note("store 2", p.expect(`^store 2 runs again, process (\d+)$`)[1])
	require.Equal(t, http.StatusOK, p.act("store-3", "resume"))
	await.Until(t, "all stores to be up again", func() bool {
		return p.states() == "store-1 up, store-2 up, store-3 up"
	})
	await.Until(t, "the region to have a leader", func() bool {
		r := p.status().Regions
		return len(r) == 1 && r[0].Leader != 0 && len(r[0].Peers) == 3
	})
	p.stop(syscall.SIGINT)
}

// When the reader of the output has gone, as in "lab cluster | head", the cluster ends
// at the next thing that there is to say: in order, and not by the broken pipe.
func TestClusterWithoutReader(t *testing.T) {
	p := startCluster(t, t.TempDir())
	require.NoError(t, p.out.Close())
	require.NoError(t, syscall.Kill(p.pids["server-1"], syscall.SIGKILL))
	p.ends()
}

func TestClusterUsage(t *testing.T) {
	code, _, stderr := lab(t, ".", "cluster", "--stores", "0")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "--stores 0 is not between 1 and 9")
	for addr, says := range map[string]string{
		"0.0.0.0:0":          "is not a loopback address: the page can kill processes",
		"lab.example.org:80": "is not a loopback address: the page can kill processes",
		"127.0.0.1":          "is not host:port",
		"127.0.0.1:http":     "is not a number from 0 to 65535",
	} {
		code, _, stderr := lab(t, ".", "cluster", "--status", addr)
		require.Equal(t, exitUsage, code)
		require.Contains(t, stderr, says)
	}
}
