// Package await bounds the waits of tests. A test that waits for a goroutine, a store or
// a process without a bound hangs on a wrong solution until go test ends the whole
// package, long after, with nothing but stacks. With a bound it fails, and says what it
// has waited for.
package await

import (
	"context"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/pingcap/errors"
)

const (
	// Limit is how long a test waits for anything that works at once. It is far more
	// than that takes, also on a busy machine.
	Limit = time.Minute
	// BuildLimit is the same for what compiles, maybe everything.
	BuildLimit = 10 * time.Minute
)

// Receive returns what comes from a channel, or the zero value once it is closed. what
// names it, as in "the end of the server".
func Receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	timer := time.NewTimer(Limit)
	defer timer.Stop()
	select {
	case v := <-from:
		return v
	case <-timer.C:
		t.Fatalf("waited %s for %s", Limit, what)
		panic("unreachable")
	}
}

// Until calls done, with pauses, until it returns true.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	const pause = 10 * time.Millisecond
	for end := time.Now().Add(Limit); !done(); time.Sleep(pause) {
		if !time.Now().Before(end) {
			t.Fatalf("waited %s for %s", Limit, what)
		}
	}
}

// Return calls a function and returns once it has returned. It is for what blocks and
// takes no context, as a Stop does or the Wait of a sync.WaitGroup. The function runs on
// a goroutine of its own, so it must not fail the test.
func Return(t testing.TB, f func(), what string) {
	t.Helper()
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		f()
	}()
	Receive(t, returned, what)
}

// Context returns a context that ends with the test or at the limit. context.Cause
// then names what was waited for. Calls often return no more than
// context.DeadlineExceeded, so the log of a test that fails names it, too: for the
// newest of the test's contexts that are over the limit, which is the one that such a
// call had.
func Context(t testing.TB, what string) context.Context {
	ctx := within(t, Limit, what)
	t.Cleanup(func() { // the newest context comes first
		if !t.Failed() || ctx.Err() != context.DeadlineExceeded {
			return
		}
		if _, again := logged.LoadOrStore(t, true); !again {
			t.Log(context.Cause(ctx))
		}
	})
	return ctx
}

// logged has the tests whose log names a context already.
var logged sync.Map

func within(t testing.TB, limit time.Duration, what string) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, errors.Errorf("waited %s for %s", limit, what))
	t.Cleanup(cancel)
	return ctx
}

// Command returns a command that ends by a limit, or with the test, together with all
// processes that it has started in its process group. It is asked first, with SIGTERM
// where there are signals, so that it can end processes that it has started in groups
// of their own. The log of the test says so if the limit has ended it.
func Command(t testing.TB, limit time.Duration, name string, args ...string) *exec.Cmd {
	ctx := within(t, limit, "the end of "+name)
	cmd := exec.CommandContext(ctx, name, args...)
	ownGroup(cmd)
	cmd.Cancel = func() error {
		if ctx.Err() == context.DeadlineExceeded {
			t.Log(context.Cause(ctx))
		}
		return terminate(cmd.Process)
	}
	cmd.WaitDelay = 2 * grace
	return cmd
}

// grace is how long a command that was asked to end may take.
const grace = 10 * time.Second
