package play

import (
	"embed"
	stderrors "errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/rafttest"
)

//go:embed stories/*.txt
var stories embed.FS

// A Story is a script that comes with the playground.
type Story struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Stories returns the scripts that come with the playground.
func Stories() []Story {
	var all []Story
	for _, name := range []string{"election", "figure7", "figure8", "figure8e"} {
		text, err := fs.ReadFile(stories, "stories/"+name+".txt")
		if err != nil {
			panic(err)
		}
		all = append(all, Story{name, string(text)})
	}
	return all
}

// Run runs a script on nodes of impl. The error is an *Error with the line at which
// the run is not as the script has it: an action that cannot happen, an expectation
// that is not met, a guarantee that breaks and is not expected to. It wraps a
// *rafttest.End if that ended the run.
func Run(impl rafttest.Implementation, file, text string) error {
	script, err := Parse(file, text)
	if err != nil {
		return err
	}
	s, err := Start(impl, file, script)
	if err != nil {
		return err
	}
	// Where each guarantee broke. A later line may say that this is expected.
	broke := map[string]int{}
	last := 0
	for _, l := range script.Lines {
		last = l.Number
		ended := s.hand.End() != nil
		err := s.Do(l)
		for _, b := range s.hand.Broken() {
			if _, known := broke[b.Key]; !known {
				broke[b.Key] = l.Number
			}
		}
		if err == nil {
			continue
		}
		// A line may end the run by what a later line expects to be broken.
		end := s.hand.End()
		if !ended && end != nil && end.NotImplemented == nil {
			if all := s.hand.Broken(); slices.Contains(expectedLater(script.Lines, l.Number), all[len(all)-1].Key) {
				continue
			}
		}
		if tree, ok := impl.(Tree); ok && l.isAboutLogs() {
			if fn, missing := tree.noLog(); missing {
				err = &rafttest.End{NotImplemented: &fn, Reason: "not implemented: " + fn.Name + "; " + err.Error()}
			}
		}
		return &Error{file, l.Number, err}
	}
	if s.refused != nil {
		return &Error{file, last, errors.Errorf("the action is refused: %v; if that is meant, expect refused", s.refused)}
	}
	if b, ok := s.unexpected(); ok {
		return &Error{file, broke[b.Key], errors.Errorf("%s breaks: %s", b.Key, b.Found)}
	}
	return nil
}

// expectedLater returns the guarantees of which lines after a number expect that they
// are broken.
func expectedLater(lines []Line, after int) []string {
	var keys []string
	for _, l := range lines {
		if l.Number > after && l.Expect && l.words[1] == "broken" {
			keys = append(keys, l.words[2])
		}
	}
	return keys
}

// Test runs, each as a subtest, the stories and the scripts in the files dir/*.txt, on
// nodes of impl. A script that comes to a function which is not written yet is skipped.
func Test(t *testing.T, impl rafttest.Implementation, dir string) {
	t.Helper()
	run := func(name, file, text string) {
		t.Run(name, func(t *testing.T) {
			err := Run(impl, file, text)
			var end *rafttest.End
			if stderrors.As(err, &end) {
				if end.NotImplemented != nil {
					t.Skip(err)
				}
				if end.Stack != "" {
					t.Fatalf("%v\n%s", err, end.Stack)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, s := range Stories() {
		run(s.Name, "lab/play/stories/"+s.Name+".txt", s.Text)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		run(strings.TrimSuffix(filepath.Base(file), ".txt"), filepath.ToSlash(file), string(text))
	}
}
