package await_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
)

// TestMain is a process that never ends by itself if a test starts it as one.
func TestMain(m *testing.M) {
	if os.Getenv("AWAIT_CHILD") != "" {
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// A recorder is a test whose failure is expected.
type recorder struct {
	testing.TB
	failure  string
	cleanups []func()
	log      string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool     { return r.failure != "" }
func (r *recorder) Log(args ...any)  { r.log += fmt.Sprintln(args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record runs f as a test to its end, its cleanups included: the newest first.
func record(t *testing.T, f func(t testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	for _, cleanup := range slices.Backward(r.cleanups) {
		cleanup()
	}
	return r
}

// failure returns how f fails a test.
func failure(t *testing.T, f func(t testing.TB)) string { return record(t, f).failure }

func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := make(chan int, 1)
		go func() {
			time.Sleep(await.Limit - 1)
			values <- 7
		}()
		require.Equal(t, 7, await.Receive(t, values, "a number"))
		require.Equal(t, "waited 1m0s for a number", failure(t, func(t testing.TB) { await.Receive(t, values, "a number") }))
		close(values)
		require.Zero(t, await.Receive(t, values, "a number"))
	})
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		await.Until(t, "three calls", func() bool { calls++; return calls == 3 })
		require.Equal(t, 3, calls)
		require.Equal(t, "waited 1m0s for the end of time", failure(t, func(t testing.TB) {
			await.Until(t, "the end of time", func() bool { return false })
		}))
	})
}

func TestReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		returned := false
		await.Return(t, func() {
			time.Sleep(await.Limit - 1)
			returned = true
		}, "a function")
		require.True(t, returned)
		stop := make(chan struct{})
		require.Equal(t, "waited 1m0s for a function", failure(t, func(t testing.TB) {
			await.Return(t, func() { <-stop }, "a function")
		}))
		close(stop)
	})
}

func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := await.Context(t, "an answer")
		begin := time.Now()
		<-ctx.Done()
		require.Equal(t, await.Limit, time.Since(begin))
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		require.EqualError(t, context.Cause(ctx), "waited 1m0s for an answer")
	})
}

// The log of a test that fails names what it has waited for last and in vain.
func TestContextIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			late, fails bool
			want        string
		}{
			{true, true, "waited 1m0s for an answer\n"},
			{true, false, ""},
			{false, true, ""},
		} {
			r := record(t, func(t testing.TB) {
				await.Context(t, "what came long ago")
				time.Sleep(time.Second)
				ctx := await.Context(t, "an answer")
				if c.late {
					<-ctx.Done()
				}
				await.Context(t, "what comes later")
				if c.fails {
					t.Fatalf("no answer")
				}
			})
			require.Equal(t, c.want, r.log, "%+v", c)
		}
	})
}

func TestCommand(t *testing.T) {
	r := record(t, func(t testing.TB) {
		cmd := await.Command(t, 100*time.Millisecond, os.Args[0])
		cmd.Env = append(os.Environ(), "AWAIT_CHILD=1")
		require.Error(t, cmd.Run())
		require.False(t, cmd.ProcessState.Exited(), "it was ended")
	})
	require.Equal(t, "waited 100ms for the end of "+os.Args[0]+"\n", r.log)
}
