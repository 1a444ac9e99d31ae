package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/lab/view"
)

// tracesIn returns the directory for logs of runs below out, as an absolute path.
func tracesIn(out string) (string, error) { return filepath.Abs(filepath.Join(out, "traces")) }

// pictureSection is the section of a failure that names its picture.
const pictureSection = "picture"

// drawFailures draws the runs that failed and whose logs are in dir, and makes the
// failures name the pictures. A picture is a help and no result: where one cannot be drawn,
// the failure says why.
func drawFailures(dir string, results []*grade.Result) {
	for _, result := range results {
		for i := range result.Sections {
			s := &result.Sections[i]
			if s.Name != graded.TraceSection || filepath.Dir(s.Text) != dir {
				continue
			}
			page, err := draw(s.Text)
			if err != nil {
				s.Text = fmt.Sprintf("%s (there is no picture of it: %v)", relative(s.Text), err)
				continue
			}
			*s = graded.Section{Name: pictureSection, Text: relative(page)}
		}
	}
}

// draw draws the log of a run beside its file, and returns the name of the page.
func draw(log string) (page string, err error) {
	// The code under test may have put anything there, and a pipe would never end.
	if info, err := os.Stat(log); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", relative(log))
	}
	l, err := readPart(context.Background(), log)
	if err != nil {
		return "", err
	}
	page = strings.TrimSuffix(log, filepath.Ext(log)) + ".html"
	return page, writeFile(page, func(w io.Writer) error { return view.Page(w, l) })
}

// keepFailures makes the test processes of r keep the logs of runs that fail in dir.
func keepFailures(r *grade.Runner, dir string) {
	r.Environ = append(r.Environ, trace.FailuresVariable+"="+dir)
}

// A keptLog is the log that replay leaves of a run.
type keptLog struct{ name string }

// before is the file of the log that an earlier replay has left.
func (k keptLog) before() string { return strings.TrimSuffix(k.name, ".jsonl") + ".before.jsonl" }

// aside is the file of the log that was there, during a replay.
func (k keptLog) aside() string { return strings.TrimSuffix(k.name, ".jsonl") + ".aside.jsonl" }

// putAside makes room for a new log, and keeps the one that is there.
func (k keptLog) putAside() error {
	if err := os.Rename(k.name, k.aside()); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// settle ends what putAside began. The log that was there is back if there is no new one;
// it takes the place of the earlier log if the new one is of another run. So the earlier
// log is always of the last run that was another.
func (k keptLog) settle() {
	was, err := digestOf(k.aside())
	if os.IsNotExist(err) {
		return
	}
	switch now, missing := digestOf(k.name); {
	case missing != nil:
		_ = os.Rename(k.aside(), k.name)
	case now == was && err == nil:
		_ = os.Remove(k.aside())
	default:
		_ = os.Rename(k.aside(), k.before())
	}
}

// show draws the new log, if the test has left one, and names what there is.
func (k keptLog) show(w io.Writer) {
	now, err := digestOf(k.name)
	if err != nil {
		return // the test is not simulated
	}
	fmt.Fprintln(w, "trace:", relative(k.name))
	if page, err := draw(k.name); err != nil {
		fmt.Fprintf(w, "no picture: %v\n", err)
	} else {
		fmt.Fprintln(w, "picture:", relative(page))
	}
	before, err := digestOf(k.before())
	switch {
	case err != nil:
	case before == now:
		_ = os.Remove(k.before()) // the run is as it was before the last two changes
	default:
		fmt.Fprintf(w, "before: %s, another run; lab view compares both\n", relative(k.before()))
	}
}

// digestOf returns the digest of the run whose log is in a file.
func digestOf(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	header, err := trace.ReadHeader(file)
	return header.Digest, err
}
