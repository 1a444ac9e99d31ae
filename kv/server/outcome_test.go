package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	pingcap "github.com/pingcap/errors"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// TestRawBadRequests1 sends requests that make no sense: for
// a family that does not exist, without a key, with a key that is too long. Each
// command refuses them with status InvalidArgument and names what is wrong, and
// nothing is written. Scanning from an empty key is no such request: it means
// from the beginning.
func TestRawBadRequests1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request that no store could serve ends with status InvalidArgument and changes nothing",
		Source: outcomes,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		s.put("", "k", "v")
		for _, c := range []struct {
			name    string
			rc      *kvrpcpb.Context
			cf, key string
			says    string
			scans   bool // the request is a good one for RawScan
		}{
			{"unknown family", rc, "nonsense", "k", "nonsense", false},
			{"family in capitals", rc, "DEFAULT", "k", "DEFAULT", false},
			{"empty key", rc, "", "", "key", true},
			{"long key", rc, "", strings.Repeat("k", engine.MaxKeySize+1), "key", true},
		} {
			for _, r := range s.all(c.rc, c.cf, c.key) {
				if c.scans && r.name == "RawScan" {
					require.Equal(t, codes.OK.String(), r.status, "status of %s with %s", r.name, c.name)
					continue
				}
				require.Equal(t, codes.InvalidArgument.String(), r.status, "status of %s with %s", r.name, c.name)
			}
			_, err := s.RawPut(t.Context(), &kvrpcpb.RawPutRequest{Context: c.rc, Cf: c.cf, Key: []byte(c.key)})
			require.ErrorContains(t, err, c.says, "RawPut with %s", c.name)
		}
		for _, cf := range engine.Families {
			want := []string{}
			if cf == engine.CFDefault {
				want = []string{"k=v"}
			}
			require.Equal(t, want, s.scan(cf, "", 10), "family %s after requests that were refused", cf)
		}
	})
}

// TestRawWriteErrors1 lets the disk get full, and then lets it fail. Puts and
// deletes report that in the error text of their response. The value that was
// there before stays, and can be read.
func TestRawWriteErrors1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a write that the engine refuses is reported to the client in the response's error",
		Source: outcomes,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		s.put("", "a", "old")
		s.disk.SetCapacity(0)
		put, err := s.RawPut(t.Context(), &kvrpcpb.RawPutRequest{Context: rc, Key: []byte("a"), Value: []byte("new")})
		require.NoError(t, err, "status of RawPut on a full disk")
		require.Contains(t, put.Error, "no space left", "error of RawPut on a full disk")
		require.Nil(t, put.RegionError, "region_error of RawPut on a full disk")
		require.Equal(t, "old", s.get("", "a"), "RawGet after RawPut has failed on a full disk")
		s.disk.SetCapacity(memory.Unlimited)

		s.disk.Inject(func(memory.Write) memory.Fault {
			return memory.Fault{Kind: memory.FailWrite, Err: errors.New("the disk is on fire")}
		})
		put, err = s.RawPut(t.Context(), &kvrpcpb.RawPutRequest{Context: rc, Key: []byte("b"), Value: []byte("new")})
		require.NoError(t, err, "status of RawPut on a broken disk")
		require.Contains(t, put.Error, "the disk is on fire", "error of RawPut on a broken disk")
		remove, err := s.RawDelete(t.Context(), &kvrpcpb.RawDeleteRequest{Context: rc, Key: []byte("a")})
		require.NoError(t, err, "status of RawDelete on a broken disk")
		require.Contains(t, remove.Error, "the disk is on fire", "error of RawDelete on a broken disk")
		require.Equal(t, []string{"a=old"}, s.scan("", "", 10), "after writes that failed")

		s.disk.Inject(nil)
		s.put("", "b", "new")
		require.Equal(t, []string{"a=old", "b=new"}, s.scan("", "", 10), "once the disk works again")
	})
}

// TestRawDurable1 cuts the power after each acknowledged put and delete. The
// next server on that disk has to know of it.
func TestRawDurable1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a client was told is done survives a crash",
		Source: protocol,
	}, func(t *graded.T) {
		disk := memory.NewDisk()
		for i := range 5 {
			s := start(t, disk)
			s.put("", "count", fmt.Sprint(i))
			disk.Crash(0)
			s = start(t, disk)
			require.Equal(t, fmt.Sprint(i), s.get("", "count"), "after a put and a crash")
			s.remove("", "count")
			disk.Crash(0)
			s = start(t, disk)
			require.Equal(t, absent, s.get("", "count"), "after a delete and a crash")
			disk.Crash(0)
		}
	})
}

// TestRawNotRunning1 sends requests to a store whose storage was stopped. They
// end with status Unavailable, which tells clients to try again later.
func TestRawNotRunning1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "requests to a storage that does not run end with status Unavailable",
		Source: outcomes,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		s.put("", "a", "1")
		s.stop()
		for _, r := range s.all(rc, "", "a") {
			require.Equal(t, codes.Unavailable.String(), r.status, "status of %s after Stop", r.name)
		}
	})
}

// TestRawStorageErrors1 serves a storage that refuses everything: with a
// region error, as a replicated one does when it is asked in the wrong place,
// and with errors of its own, plain and wrapped. A region error goes to the
// response's region_error, complete, and anything else unexpected to its error
// text.
func TestRawStorageErrors1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a storage's error reaches the client: a region error as region_error, others as error",
		Source: outcomes,
	}, func(t *graded.T) {
		region := &region.Error{Err: &errorpb.Error{
			Message:   "ask peer 7",
			NotLeader: &errorpb.NotLeader{RegionId: 5},
		}}
		for _, c := range []struct {
			name string
			err  error
			want reply
		}{
			{"a region error", region, reply{status: "OK", region: "ask peer 7"}},
			{"a wrapped region error", pingcap.Annotate(region, "write"), reply{status: "OK", region: "ask peer 7"}},
			{"an error of the disk", errors.New("bad sector"), reply{status: "OK", text: "bad sector"}},
			{"a wrapped error", fmt.Errorf("kv engine: %w", engine.ErrDiskFull), reply{status: "OK", text: "kv engine: no space left on device"}},
			{"an expired call", fmt.Errorf("propose: %w", context.DeadlineExceeded), reply{status: "DeadlineExceeded"}},
		} {
			s := connect(t, &fakeStorage{err: c.err})
			for _, r := range s.all(rc, "", "a") {
				require.Equal(t, c.want.String(), r.String(), "answer of %s to %s", r.name, c.name)
			}
		}
		s := connect(t, &fakeStorage{err: region})
		resp, err := s.RawGet(t.Context(), &kvrpcpb.RawGetRequest{Context: rc, Key: []byte("a")})
		require.NoError(t, err, "status of RawGet on a region error of the storage")
		require.Equal(t, uint64(5), resp.RegionError.GetNotLeader().GetRegionId(), "region_error lost what it says about the region")
		require.False(t, resp.NotFound, "not_found is set on a response with a region error")
	})
}

// TestRawReadErrors1 has reads fail: a Get, the opening of an iterator, and, the
// treacherous one, an iterator that stops halfway because of an error. It looks
// like one that came to the end until it is closed. No scan may pass off what it
// had by then as the answer.
func TestRawReadErrors1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read that failed halfway is an error, not a short answer",
		Source: "the comment on engine.Iterator",
	}, func(t *graded.T) {
		bad := errors.New("bad sector")
		for _, c := range []struct {
			name   string
			reader *fakeReader
		}{
			{"Get and Iterate fail", &fakeReader{get: bad, iterate: bad}},
			{"Get fails, an iterator ends with an error at once", &fakeReader{get: bad, walk: bad}},
			{"Get fails, an iterator ends with an error after two pairs", &fakeReader{get: bad, walk: bad, pairs: 2}},
		} {
			s := connect(t, &fakeStorage{reader: c.reader})
			for _, r := range s.all(rc, "", "a")[:2] {
				require.Equal(t, reply{status: "OK", text: "bad sector"}.String(), r.String(), "answer of %s when %s", r.name, c.name)
			}
			require.Zero(t, c.reader.readers.Load(), "readers still open when %s", c.name)
			require.Zero(t, c.reader.iterators.Load(), "iterators still open when %s", c.name)
		}
	})
}

// TestRawHandsOnContexts1 looks at what a storage is given: the Context of the
// request, which says what region it is for, and the context of the call, by which
// a storage knows how long the client will wait.
func TestRawHandsOnContexts1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a handler gives the storage the request's Context and the call's context",
		Source: "the storage contract (package kv/storage)",
	}, func(t *graded.T) {
		sent := &kvrpcpb.Context{
			RegionId:    7,
			RegionEpoch: &metapb.RegionEpoch{ConfVer: 2, Version: 3},
			Peer:        &metapb.Peer{Id: 8, StoreId: 1},
			Term:        5,
		}
		asked := make(chan string, 10)
		s := connect(t, &fakeStorage{
			err: errors.New("no"),
			asked: func(ctx context.Context, rc *kvrpcpb.Context) {
				_, limited := ctx.Deadline()
				switch {
				case !proto.Equal(sent, rc):
					asked <- fmt.Sprintf("Context {%v} instead of {%v}", rc, sent)
				case !limited:
					asked <- "a context without the deadline of the call"
				default:
					asked <- "both"
				}
			},
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for _, r := range s.allWith(ctx, sent, "", "a") {
			select {
			case gave := <-asked:
				require.Equal(t, "both", gave, "what %s gave to the storage", r.name)
			default:
				t.Fatalf("%s did not ask the storage", r.name)
			}
		}
	})
}
