// Package view makes the trace viewer: one HTML file that shows the log of a run, or two
// side by side. The file works from a disk and fetches nothing.
package view

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // the page
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/trace"
)

// MaxEvents is how many events of a log a browser shows without lag. trace.ReadPart
// leaves out the others.
const MaxEvents = 1_000_000

//go:embed page.html
var page []byte

// Marks in the page that a log takes the place of.
const (
	titleMark = "<title>Trace</title>"
	dataMark  = "<!-- data -->"
)

// Page writes the page that shows a log, or compares two.
func Page(w io.Writer, logs ...*trace.Log) error {
	if len(logs) < 1 || len(logs) > 2 {
		return errors.Errorf("view: a page shows one log or two, not %d", len(logs))
	}
	for _, l := range logs {
		if v := l.Header.Version; v != 0 && v != trace.Version {
			return errors.Errorf("view: the log has version %d, the page shows version %d: write it again with lab replay", v, trace.Version)
		}
		if len(l.Events) == 0 {
			return errors.New("view: the log has no events")
		}
	}
	before, after, ok := bytes.Cut(page, []byte(dataMark))
	if !ok || !bytes.Contains(before, []byte(titleMark)) {
		return errors.New("view: the page has no place for a log: run make pages")
	}
	out := bufio.NewWriter(w)
	out.Write(bytes.Replace(before, []byte(titleMark), []byte("<title>"+html.EscapeString(title(logs))+"</title>"), 1))
	for _, l := range logs {
		out.WriteString(`<script type="application/octet-stream" class="log">`)
		if err := encode(out, l); err != nil {
			return err
		}
		out.WriteString("</script>\n")
	}
	out.Write(after)
	return errors.Trace(out.Flush())
}

func title(logs []*trace.Log) string {
	name := func(l *trace.Log) string {
		if l.Header.Test == "" {
			return "a run"
		}
		return fmt.Sprintf("%s, seed %d", l.Header.Test, l.Header.Seed)
	}
	if len(logs) == 2 {
		return name(logs[0]) + " against " + name(logs[1])
	}
	return name(logs[0])
}

// encode writes a log as the page reads it: a line of JSON about it, a line of JSON with
// all its strings, and the events, column by column; compressed, in base64.
func encode(w io.Writer, l *trace.Log) error {
	text := base64.NewEncoder(base64.StdEncoding, w)
	packed := gzip.NewWriter(text)
	t := newTable(l.Events)
	lines := json.NewEncoder(packed)
	header := l.Header
	header.Version = trace.Version
	if err := lines.Encode(about{Header: header, Seed: fmt.Sprint(header.Seed), Before: l.Cut.Before, After: l.Cut.After, Open: l.Cut.Open, Unfinished: l.Cut.Unfinished, Count: len(l.Events), Columns: t.columns}); err != nil {
		return errors.Trace(err)
	}
	if err := lines.Encode(t.strings); err != nil {
		return errors.Trace(err)
	}
	for _, c := range t.columns {
		if _, err := packed.Write(c.data); err != nil {
			return errors.Trace(err)
		}
	}
	if err := packed.Close(); err != nil {
		return errors.Trace(err)
	}
	return errors.Trace(text.Close())
}

// about is what the page reads of a log first.
type about struct {
	Header trace.Header `json:"header"`
	// Seed is the seed in decimal: JavaScript's numbers do not hold all of them.
	Seed       string   `json:"seed"`
	Before     int      `json:"before"`
	After      int      `json:"after"`
	Open       int      `json:"open"`
	Unfinished int      `json:"unfinished"`
	Count      int      `json:"count"`
	Columns    []column `json:"columns"`
}
