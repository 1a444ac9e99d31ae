package view_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/lab/view"
)

func page(t *testing.T, logs ...*trace.Log) string {
	var b bytes.Buffer
	require.NoError(t, view.Page(&b, logs...))
	return b.String()
}

var data = regexp.MustCompile(`<script type="application/octet-stream" class="log">([A-Za-z0-9+/=]+)</script>`)

// decoded is what a page holds of a log.
type decoded struct {
	Seed                            string
	Before, After, Open, Unfinished int
	Count                           int
	Columns                         []struct {
		Name  string
		Bytes int
		Max   uint64
	}
	Header  trace.Header
	strings []string
	values  map[string][]uint64
}

// decode reads a page the way the page does.
func decode(t *testing.T, page string) []decoded {
	var all []decoded
	for _, m := range data.FindAllStringSubmatch(page, -1) {
		packed, err := base64.StdEncoding.DecodeString(m[1])
		require.NoError(t, err)
		r, err := gzip.NewReader(bytes.NewReader(packed))
		require.NoError(t, err)
		raw, err := io.ReadAll(r)
		require.NoError(t, err)
		about, rest, _ := bytes.Cut(raw, []byte("\n"))
		texts, rest, _ := bytes.Cut(rest, []byte("\n"))
		d := decoded{values: map[string][]uint64{}}
		require.NoError(t, json.Unmarshal(about, &d))
		require.NoError(t, json.Unmarshal(texts, &d.strings))
		for _, c := range d.Columns {
			column := rest[:c.Bytes]
			rest = rest[c.Bytes:]
			for len(column) > 0 {
				v, n := binary.Uvarint(column)
				require.Positive(t, n)
				require.LessOrEqual(t, v, c.Max)
				column = column[n:]
				d.values[c.Name] = append(d.values[c.Name], v)
			}
			require.Len(t, d.values[c.Name], d.Count, c.Name)
		}
		require.Empty(t, rest)
		all = append(all, d)
	}
	return all
}

func (d *decoded) text(column string, i int) string { return d.strings[d.values[column][i]] }

// What a page holds of a log is the log, and nothing of it becomes markup.
func TestPage(t *testing.T) {
	const hostile = "</script><script>alert(1)</script>\u2028\"'<!--"
	log := &trace.Log{
		Header: trace.Header{Test: hostile, Seed: math.MaxUint64, Machines: []trace.Machine{{ID: 1, Role: hostile}}, Found: hostile},
		Events: []trace.Event{
			{At: time.Second, Kind: trace.State, Store: 1, Region: 300, Role: "leader", Term: 4, Commit: 1 << 40},
			{At: 2 * time.Second, Kind: trace.Transaction, Store: 1, Start: math.MaxUint64, N: 1 << 52, Text: hostile, Bytes: -1},
			{At: time.Second, Kind: trace.FaultBegins, Stores: []uint64{1, 25}, Copy: true},
		},
		Cut: trace.Cut{Before: 7, After: 8, Open: 1, Unfinished: 9},
	}
	p := page(t, log)
	require.Equal(t, 1, strings.Count(p, "<title>"))
	require.Contains(t, p, "<title>&lt;/script&gt;")
	require.NotContains(t, p, "alert(1)</script>")
	require.Less(t, len(p), 200<<10)
	all := decode(t, p)
	require.Len(t, all, 1)
	d := all[0]
	require.Equal(t, "18446744073709551615", d.Seed)
	require.Equal(t, []int{7, 8, 1, 9}, []int{d.Before, d.After, d.Open, d.Unfinished})
	require.Equal(t, hostile, d.Header.Found)
	require.Equal(t, trace.Version, d.Header.Version)
	require.Equal(t, []uint64{uint64(time.Second), uint64(time.Second), 0}, d.values["at"], "the time since the event before, never less than none")
	require.Equal(t, "state", d.text("kind", 0))
	require.Equal(t, []uint64{300, 0, 0}, d.values["region"])
	require.Equal(t, uint64(1<<40), d.values["commit"][0])
	require.Equal(t, "18446744073709551615", d.strings[d.values["start"][1]-1<<52])
	require.Equal(t, "4503599627370496", d.strings[d.values["n"][1]-1<<52])
	require.Zero(t, d.values["bytes"][1])
	require.Equal(t, hostile, d.text("text", 1))
	require.Equal(t, "1,25", d.text("stores", 2))
	require.Equal(t, []uint64{0, 0, 1}, d.values["copy"])
}

func TestTwoLogs(t *testing.T) {
	a := &trace.Log{Header: trace.Header{Test: "TestA", Seed: 3}, Events: []trace.Event{{Kind: trace.Heal}}}
	b := &trace.Log{Header: trace.Header{Test: "TestB", Seed: 4}, Events: []trace.Event{{Kind: trace.Note, Text: "x"}}}
	p := page(t, a, b)
	require.Contains(t, p, "<title>TestA, seed 3 against TestB, seed 4</title>")
	all := decode(t, p)
	require.Len(t, all, 2)
	require.Equal(t, "heal", all[0].text("kind", 0))
	require.Equal(t, "x", all[1].text("text", 0))
}

func TestNoPage(t *testing.T) {
	log := &trace.Log{}
	require.EqualError(t, view.Page(io.Discard, log), "view: the log has no events")
	require.EqualError(t, view.Page(io.Discard), "view: a page shows one log or two, not 0")
	require.EqualError(t, view.Page(io.Discard, log, log, log), "view: a page shows one log or two, not 3")
	log.Header.Version = 1
	require.EqualError(t, view.Page(io.Discard, log), "view: the log has version 1, the page shows version 2: write it again with lab replay")
}

// A page fetches nothing, and runs no code but its own.
func TestPolicy(t *testing.T) {
	p := page(t, &trace.Log{Events: []trace.Event{{Kind: trace.Heal}}})
	require.Contains(t, p, `http-equiv="Content-Security-Policy" content="default-src 'none'`)
	require.NotRegexp(t, `(src|href)="?(https?:)?//`, p)
	require.Contains(t, p, "<noscript>")
}

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// A disk that is full is an error wherever it fills.
func TestFullDisk(t *testing.T) {
	log := &trace.Log{Events: make([]trace.Event, 1000)}
	size := len(page(t, log))
	for _, left := range []int{0, 5000, size - 100, size - 1} {
		require.Error(t, view.Page(&failing{left: left}, log), left)
	}
	require.NoError(t, view.Page(&failing{left: size}, log))
}
