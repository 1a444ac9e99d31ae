package raftstore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
)

// A result is a store's answer to a request: nothing or an error for a write, a
// view or an error for a read.
type result struct {
	view engine.Snapshot
	err  error
}

// An answer receives the result of a request, which must come once.
type answer struct {
	t       testing.TB
	request string
	results []result
}

func (a *answer) add(r result) {
	a.results = append(a.results, r)
	if len(a.results) == 2 {
		a.t.Fatalf("%s was answered twice: first %s, then %s", a.request, verdict(a.results[0]), verdict(r))
	}
}

// result requires that there is an answer, and returns it.
func (a *answer) result() result {
	a.t.Helper()
	if len(a.results) == 0 {
		a.t.Fatalf("%s was not answered", a.request)
	}
	return a.results[0]
}

// isDone requires that the request was carried out.
func (a *answer) isDone() {
	a.t.Helper()
	if r := a.result(); r.err != nil {
		a.t.Fatalf("%s is not done, but answered with %s", a.request, verdict(r))
	}
}

// refusal requires that the request was refused with a region error, and
// returns the error.
func (a *answer) refusal() *errorpb.Error {
	a.t.Helper()
	var region *region.Error
	if !errors.As(a.result().err, &region) {
		a.t.Fatalf("%s is not refused with a region error, but answered with %s", a.request, verdict(a.result()))
	}
	return region.Err
}

// reads requires that the request is a read that was served, and returns all
// data of its view.
func (a *answer) reads() content {
	a.t.Helper()
	a.isDone()
	view := a.result().view
	if view == nil {
		a.t.Fatalf("%s is answered without a view", a.request)
	}
	all := read(a.t, view)
	require.NoError(a.t, view.Close(), "closing a view that a read was given")
	return all
}

// verdict describes r in a failure.
func verdict(r result) string {
	if r.err == nil {
		return "done"
	}
	return fmt.Sprintf("%q", r.err)
}
