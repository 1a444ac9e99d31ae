package trace_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/trace"
)

var log = &trace.Log{
	Header: trace.Header{Version: trace.Version, Test: "TestX2B", Seed: 17, Stores: 3, Clients: 1, Digest: "00000000000000ff",
		Schedule: []string{"0.100s-0.200s isolate leader"}, Rule: "linearizable", Found: "a read is stale"},
	Events: []trace.Event{
		{At: time.Millisecond, Kind: trace.Message, From: 1, To: 2, Stream: 1, N: 3, Bytes: 20, Fate: "lost", Text: "MsgAppend"},
		{At: 2 * time.Millisecond, Kind: trace.Role, Store: 2, Region: 1, Term: 4, Role: "leader"},
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
	require.Equal(t, `TestX2B seed 17, 3 stores, 1 clients, digest 00000000000000ff
    0.100s-0.200s isolate leader
  0.001000s  1->2  lost #3 MsgAppend
  0.002000s  store 2  role region 1 leader (term 4)
  0.003000s  client 1  operation #7 done put "a" = "1"
  0.004000s  store 2  transaction 500 is committed, for client 1 #8: "a", at 600
failed: a read is stale
`, b.String())
}

func TestUnreadable(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "no header",
		`{"version":99}`:             "the log has version 99",
		`{"stores":3}`:               "the log has version 0",
		"{\"version\":1}\n{\"at\":1": "event 1",
	} {
		_, err := trace.Read(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}
