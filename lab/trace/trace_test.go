package trace_test

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/trace"
)

var log = &trace.Log{
	Header: trace.Header{Version: trace.Version, Test: "TestX2B", Seed: 17, Machines: []trace.Machine{{ID: 1, Role: "store"}, {ID: 2, Role: "store"}, {ID: 3, Role: "store"}}, Clients: 1, Digest: "00000000000000ff",
		Schedule: []string{"0.100s-0.200s isolate leader"}, Rule: "linearizable", Found: "a read is stale"},
	Events: []trace.Event{
		{At: time.Millisecond, Kind: trace.Message, From: 1, To: 2, Stream: 1, N: 3, Bytes: 20, Fate: "lost", Text: "MsgAppend"},
		{At: 2 * time.Millisecond, Kind: trace.State, Store: 2, Region: 1, Term: 4, Role: "leader", Vote: 2, Lead: 2, First: 1, Last: 7, Commit: 6, Applied: 5},
		{At: 3 * time.Millisecond, Kind: trace.Operation, Client: 1, N: 7, Fate: "done", Text: `put "a" = "1"`},
		{At: 4 * time.Millisecond, Kind: trace.Transaction, Store: 2, Client: 1, N: 8, Start: 500, Fate: "is committed", Text: `"a", at 600`},
	},
}

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	n, err := log.WriteTo(&b)
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), n)
	require.Equal(t, 5, strings.Count(b.String(), "\n"))
	got, err := trace.Read(&b)
	require.NoError(t, err)
	require.Equal(t, log, got)
}

func TestText(t *testing.T) {
	var b strings.Builder
	require.NoError(t, log.WriteText(&b))
	require.Equal(t, `TestX2B seed 17, 3 stores, 1 client, digest 00000000000000ff
    0.100s-0.200s isolate leader
  0.001000s  1->2  lost #3 MsgAppend
  0.002000s  store 2  state region 1 leader (term 4) vote 2, leader 2, log 1..7, committed 6, applied 5
  0.003000s  client 1  operation #7 done put "a" = "1"
  0.004000s  store 2  transaction 500 is committed, for client 1 #8: "a", at 600
failed: a read is stale
`, b.String())
}

func TestUnreadable(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "no header",
		`{"version":99}`:             "the log has version 99",
		`{"stores":3}`:               "the first line is no header: is this the log of a run?",
		"null":                       "the first line is no header",
		"{\"version\":1}\n{\"at\":1": "event 1",
	} {
		_, err := trace.Read(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

// What a reader says of a file that is no whole log.
func TestBrokenFile(t *testing.T) {
	var b bytes.Buffer
	_, err := log.WriteTo(&b)
	require.NoError(t, err)
	lines := strings.SplitAfter(b.String(), "\n")
	for name, read := range map[string]func(string) (*trace.Log, error){
		"Read":     func(s string) (*trace.Log, error) { return trace.Read(strings.NewReader(s)) },
		"ReadPart": func(s string) (*trace.Log, error) { return trace.ReadPart(strings.NewReader(s), 10) },
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(b.String()[:b.Len()-20])
			var cut *trace.CutOffError
			require.ErrorAs(t, err, &cut)
			require.Equal(t, 4, cut.Event)
			require.ErrorContains(t, err, "event 4, the last one, is cut off")
			require.Equal(t, log.Events[:3], got.Events)
			require.Equal(t, 4, got.Cut.Unfinished)

			// A last line that is complete but for its end is an event.
			got, err = read(strings.TrimSuffix(b.String(), "\n"))
			require.NoError(t, err)
			require.Equal(t, log, got)

			// Only the last line can be cut off.
			got, err = read(lines[0] + lines[1] + lines[2][:20] + "\n" + lines[3])
			require.ErrorContains(t, err, "event 2")
			require.False(t, errors.As(err, &cut))
			require.Nil(t, got)

			got, err = read(lines[0] + "\n\n" + lines[1])
			require.NoError(t, err)
			require.Equal(t, log.Events[:1], got.Events)

			_, err = read(lines[0] + strings.Repeat("x", 65<<20))
			require.ErrorContains(t, err, "line 2 is longer than 64 MB: is this the log of a run?")
		})
	}
}

// A part of a log begins with what is still true there.
func TestReadPart(t *testing.T) {
	l := &trace.Log{Header: trace.Header{Version: trace.Version}}
	tell := func(e trace.Event) {
		e.At = time.Duration(len(l.Events)) * time.Millisecond
		l.Events = append(l.Events, e)
	}
	message := trace.Event{Kind: trace.Message, From: 1, To: 2, Fate: "sent", Text: `{"kind":"state"}`}
	tell(trace.Event{Kind: trace.Start, Store: 1, N: 1})                               // 0, the last of store 1
	tell(trace.Event{Kind: trace.Start, Store: 2, N: 1})                               // 1
	tell(trace.Event{Kind: trace.State, Store: 1, Region: 1, Role: "follower"})        // 2
	tell(trace.Event{Kind: trace.State, Store: 1, Region: 2, Role: "follower"})        // 3, still true
	tell(trace.Event{Kind: trace.State, Store: 1, Region: 1, Role: "leader", Term: 2}) // 4, still true
	tell(trace.Event{Kind: trace.State, Store: 1, Region: 3, Role: "follower"})        // 5
	tell(trace.Event{Kind: trace.State, Store: 1, Region: 3, Fate: "removed"})         // 6
	tell(trace.Event{Kind: trace.Sync, Store: 1, Region: 1, Text: "raft", Term: 2})    // 7, still true
	tell(trace.Event{Kind: trace.FaultBegins, N: 1, Text: "a"})                        // 8
	tell(trace.Event{Kind: trace.FaultBegins, N: 2, Text: "b"})                        // 9, still true
	tell(trace.Event{Kind: trace.FaultEnds, N: 1, Text: "a"})                          // 10
	tell(trace.Event{Kind: trace.Operation, Client: 1, N: 1, Fate: "begins"})          // 11
	tell(trace.Event{Kind: trace.Operation, Client: 2, N: 1, Fate: "begins"})          // 12, still true
	tell(trace.Event{Kind: trace.Operation, Client: 1, N: 1, Fate: "done"})            // 13
	tell(trace.Event{Kind: trace.Crash, Store: 2, N: 1})                               // 14, still true
	tell(trace.Event{Kind: trace.Operation, Client: 2, N: 1, Fate: "commits"})         // 15, which ends nothing
	for range 19 {
		tell(message) // 16 to 34
	}
	read := func(most int) *trace.Log {
		var b bytes.Buffer
		_, err := l.WriteTo(&b)
		require.NoError(t, err)
		got, err := trace.ReadPart(&b, most)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, l, read(35))
	require.Equal(t, l, read(1000))

	got := read(10)
	require.Equal(t, trace.Cut{Before: 25, Open: 7}, got.Cut)
	var open []time.Duration
	for _, e := range got.Events[:7] {
		open = append(open, e.At/time.Millisecond)
	}
	require.Equal(t, []time.Duration{0, 3, 4, 7, 9, 12, 14}, open)
	require.Equal(t, l.Events[25:], got.Events[7:])

	// The end of all faults is the end of each.
	tell(trace.Event{Kind: trace.Heal})
	for range 10 {
		tell(message)
	}
	require.Equal(t, 6, read(10).Cut.Open)

	// A violation in the middle stays in sight, with more before it than after.
	l.Events[20] = trace.Event{At: 20 * time.Millisecond, Kind: trace.Violation, Text: "broken"}
	got = read(8)
	require.Equal(t, trace.Cut{Before: 14, After: 24, Open: got.Cut.Open}, got.Cut)
	require.Equal(t, l.Events[14:22], got.Events[got.Cut.Open:])
}

// A log that cannot be written whole is not left in part.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(trace.AllVariable, dir)
	name, err := log.Keep(false)
	require.NoError(t, err)
	require.Equal(t, trace.FileIn(dir, "TestX2B", 17), name)
	require.NoError(t, os.Remove(name))
	require.NoError(t, os.Mkdir(name, 0o755))
	_, err = log.Keep(false)
	require.ErrorContains(t, err, "TestX2B-17.jsonl")
	require.DirExists(t, name)

	if runtime.GOOS != "linux" {
		return // there is no disk that is always full
	}
	require.NoError(t, os.Remove(name))
	require.NoError(t, os.Symlink("/dev/full", name))
	_, err = log.Keep(false)
	require.ErrorContains(t, err, "no space left")
	_, err = os.Lstat(name)
	require.ErrorIs(t, err, os.ErrNotExist)
}
