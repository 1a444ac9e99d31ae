package grade

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/labkv/labkv/lab/graded"
)

// A cause is the tests that fail for the same reason, in the order of the board.
type cause []*Result

// causes groups the results that are worth an explanation, each cause at the place
// of its first test.
func causes(results []*Result) []cause {
	var all []cause
	at := map[string]int{}
	for _, r := range results {
		key := causeOf(r)
		if key == "" {
			continue
		}
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], r)
	}
	return all
}

// causeOf returns what results with the same cause have in common, "" if r needs no
// explanation: the place of a panic, the rule that a run broke, the loop that a test
// was stuck in, the compiler's message, or else the shape of the reason.
func causeOf(r *Result) string {
	switch r.Status {
	case NotBuilt:
		return "package " + r.Test.Package
	case Failed, TimedOut:
	default:
		return ""
	}
	for _, name := range []string{"broken", "stuck in"} {
		if text := sectionText(r.Sections, name); text != "" {
			return name + " " + text
		}
	}
	switch {
	case r.Status == TimedOut:
		return "test " + r.Test.Name // nothing says that others are as slow for the same reason
	case r.At != "":
		return "at " + r.At
	}
	return "found " + ShapeOf(r.Reason)
}

func sectionText(sections []graded.Section, name string) string {
	for _, s := range sections {
		if s.Name == name {
			return s.Text
		}
	}
	return ""
}

var particulars = regexp.MustCompile(`"[^"]*"|\[[^]]*\]|\(-?[0-9][^)]*\)|[0-9]+(\.[0-9]+)?`)

// ShapeOf leaves out of a reason what differs from test to test: numbers, lists, and
// what is quoted.
func ShapeOf(reason string) string { return particulars.ReplaceAllString(reason, "#") }

// heading is the line before the explanation of the first test, if there are more.
func (c cause) heading() string {
	if len(c) == 1 || c[0].Status == NotBuilt {
		return ""
	}
	names := make([]string, len(c))
	for i, r := range c {
		names[i] = r.Test.Name
	}
	return fmt.Sprintf("%d tests fail for one cause: %s\n", len(c), strings.Join(names, ", "))
}
