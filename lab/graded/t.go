package graded

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// T is a *testing.T that remembers the first message with which its test
// failed. It is a testing.TB and fits testify's TestingT. Hand on the *T itself,
// not its embedded *testing.T, whose failures leave no reason.
type T struct {
	*testing.T
	record *recorder
}

// SetDigest sets the digest of the run so far, for a body that then fails.
func (t *T) SetDigest(digest uint64) { t.record.setDigest(digest) }

// Error is testing.T's Error.
func (t *T) Error(args ...any) {
	t.Helper()
	t.record.found(fmt.Sprintln(args...))
	t.T.Error(args...)
}

// Errorf is testing.T's Errorf.
func (t *T) Errorf(format string, args ...any) {
	t.Helper()
	t.record.found(fmt.Sprintf(format, args...))
	t.T.Errorf(format, args...)
}

// Fatal is testing.T's Fatal.
func (t *T) Fatal(args ...any) {
	t.Helper()
	t.record.found(fmt.Sprintln(args...))
	t.T.Fatal(args...)
}

// Fatalf is testing.T's Fatalf.
func (t *T) Fatalf(format string, args ...any) {
	t.Helper()
	t.record.found(fmt.Sprintf(format, args...))
	t.T.Fatalf(format, args...)
}

// Skip is testing.T's Skip. A skipped test earns no points.
func (t *T) Skip(args ...any) {
	t.Helper()
	t.record.found(fmt.Sprintln(args...))
	t.T.Skip(args...)
}

// Skipf is testing.T's Skipf. A skipped test earns no points.
func (t *T) Skipf(format string, args ...any) {
	t.Helper()
	t.record.found(fmt.Sprintf(format, args...))
	t.T.Skipf(format, args...)
}

// Cleanup is testing.T's Cleanup.
func (t *T) Cleanup(f func()) {
	t.Helper()
	t.T.Cleanup(func() {
		t.T.Helper()
		t.record.watch(t.T, f)
	})
}

// Run is testing.T's Run: the subtest's failure is its parent's.
func (t *T) Run(name string, f func(t *T)) bool {
	t.Helper()
	return t.T.Run(name, func(sub *testing.T) {
		sub.Helper()
		t.record.watch(sub, func() { f(&T{T: sub, record: t.record}) })
	})
}

// Catch is deferred where another goroutine than the test's calls a student's code. In
// a plain go test, a call of a function that is not written yet then fails t instead
// of ending the process, and Catch calls answer if it is not nil.
func (t *T) Catch(answer func(missing string)) {
	if report, err := openReport(); report != nil || err != nil {
		return
	}
	if t.record.caught(recover()) {
		t.T.Fail()
		if answer != nil {
			answer(t.record.missing.String())
		}
	}
}

// Bubble runs f in a testing/synctest bubble, in which time is virtual.
func (t *T) Bubble(f func(t *T)) {
	t.Helper()
	synctest.Test(t.T, func(inner *testing.T) {
		inner.Helper()
		returned := false
		defer func() {
			if !returned && t.record.hasCrashed() {
				// The process ends here: no cleanup of the test itself runs, and what
				// was logged in the bubble is never printed.
				t.record.end(inner, false, func(args ...any) { fmt.Println(args...) })
			}
		}()
		t.record.watch(inner, func() { f(&T{T: inner, record: t.record}) })
		returned = true
	})
}
