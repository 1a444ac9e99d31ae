//go:build cgo

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

// bin holds the program under test, built as users build it.
var bin string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "labkv-scheduler"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	ctx, cancel := context.WithTimeout(context.Background(), await.BuildLimit)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", bin+string(filepath.Separator), ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A process is a scheduler that runs.
type process struct {
	schedulerpb.SchedulerClient
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	page string // address of its pages
	conn *grpc.ClientConn

	reading sync.WaitGroup
	log     bytes.Buffer // complete once reading is done
	exited  bool
}

// start runs a scheduler of cluster 1 on dir and waits until it listens. It is killed
// when the test ends.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	args = append([]string{"--cluster-id=1", "--path", dir, "--addr", "127.0.0.1:0", "--status-addr", "127.0.0.1:0"}, args...)
	p := &process{t: t, cmd: exec.Command(filepath.Join(bin, "labkv-scheduler"), args...)}
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.kill)

	listening := make(chan [2]string, 1)
	p.reading.Go(func() {
		defer close(listening)
		page := ""
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.log.WriteString(lines.Text() + "\n")
			if _, addr, found := strings.Cut(lines.Text(), `msg="serving status" addr=`); found {
				page = addr
			}
			if _, rest, found := strings.Cut(lines.Text(), "msg=listening addr="); found {
				listening <- [2]string{strings.Fields(rest)[0], page}
			}
		}
	})
	addrs := await.Receive(t, listening, "a scheduler to listen")
	if addrs[0] == "" {
		p.kill()
		t.Fatalf("the scheduler did not start: %s", p.log.String())
	}
	p.addr, p.page = addrs[0], addrs[1]
	p.conn, err = client.Dial(p.addr)
	require.NoError(t, err)
	p.SchedulerClient = schedulerpb.NewSchedulerClient(p.conn)
	return p
}

// kill ends the process at once, as kill -9 does. A second call does nothing.
func (p *process) kill() {
	if p.exited {
		return
	}
	p.cmd.Process.Kill()
	p.wait()
}

// wait waits for the process to end, and returns its exit code. One that does not end
// is killed.
func (p *process) wait() int {
	p.t.Helper()
	late := time.AfterFunc(await.Limit, func() { p.cmd.Process.Kill() })
	p.reading.Wait()
	p.cmd.Wait()
	if !late.Stop() {
		p.t.Errorf("waited %s for the end of a scheduler: %s", await.Limit, p.log.String())
	}
	p.exited = true
	if p.conn != nil {
		p.conn.Close()
	}
	return p.cmd.ProcessState.ExitCode()
}

// command runs a scheduler to its end, and returns its exit code and output.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := await.Command(t, await.Limit, filepath.Join(bin, "labkv-scheduler"), args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	cmd.Run()
	require.NotNil(t, cmd.ProcessState, "it did not start")
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// fails runs a scheduler of cluster 1 that is to give up with exit code 1 and one line.
func fails(t *testing.T, says string, args ...string) {
	t.Helper()
	code, stdout, stderr := command(t, append([]string{"--cluster-id=1", "--addr=127.0.0.1:0", "--log-level=warn"}, args...)...)
	require.Equal(t, 1, code, stderr)
	require.Empty(t, stdout)
	require.Contains(t, stderr, says)
	require.Equal(t, 1, strings.Count(stderr, "\n"), "not one line: %s", stderr)
}
