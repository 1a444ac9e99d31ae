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
	"google.golang.org/grpc/credentials/insecure"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// bin holds the programs under test, built as users build them.
var bin string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "labkv-server"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	ctx, cancel := context.WithTimeout(context.Background(), await.BuildLimit)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", bin+string(filepath.Separator), ".", "../labkv-ctl", "../labkv-scheduler")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A process is a server that runs.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	conn *grpc.ClientConn
	tinykvpb.TinyKvClient

	reading sync.WaitGroup
	log     bytes.Buffer // complete once reading is done
	exited  bool
}

// start runs a server alone on dir and waits until it listens. It is killed when the
// test ends.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return launch(t, "labkv-server", append([]string{"--standalone", "--path", dir, "--addr", "127.0.0.1:0"}, args...)...)
}

// launch runs a program and waits until it listens. It is killed when the test ends.
func launch(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(filepath.Join(bin, program), args...)}
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the log of %s:\n%s", strings.Join(p.cmd.Args[1:], " "), p.log.String())
		}
	})

	listening := make(chan string, 1)
	p.reading.Go(func() {
		defer close(listening)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.log.WriteString(lines.Text() + "\n")
			if _, rest, found := strings.Cut(lines.Text(), "msg=listening addr="); found {
				listening <- strings.Fields(rest)[0]
			}
		}
	})
	addr := await.Receive(t, listening, program+" to listen")
	if addr == "" {
		p.kill()
		t.Fatalf("%s did not start: %s", program, p.log.String())
	}
	p.addr = addr
	p.conn, err = grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	p.TinyKvClient = tinykvpb.NewTinyKvClient(p.conn)
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
		p.t.Errorf("waited %s for the end of a server: %s", await.Limit, p.log.String())
	}
	p.exited = true
	if p.conn != nil {
		p.conn.Close()
	}
	return p.cmd.ProcessState.ExitCode()
}

// commandOf returns the server with args, not started.
func commandOf(args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(bin, "labkv-server"), args...)
}

// command runs a program to its end, and returns its exit code and output.
func command(t *testing.T, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := await.Command(t, await.Limit, filepath.Join(bin, name), args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	cmd.Run()
	require.NotNil(t, cmd.ProcessState, "%s did not start", name)
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}
