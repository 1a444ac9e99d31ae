package overlay

import (
	"path"
	"strings"

	"github.com/pingcap/errors"
)

// Glob is a pattern of slash-separated paths. Each of its elements is a pattern
// of [path.Match] for one element of a path, except "**", which stands for any
// number of elements, none among them. What matches a directory matches
// everything in it: "lab/mutants", "**/*_internal_test.go", "doc/**/*.svg".
type Glob struct {
	elements []string
}

// ParseGlob checks the syntax of a pattern.
func ParseGlob(pattern string) (Glob, error) {
	elements := strings.Split(strings.TrimSuffix(pattern, "/"), "/")
	for _, e := range elements {
		if e == "" || e == "." || e == ".." {
			return Glob{}, errors.Errorf("pattern %q is not a relative path; write it like lab/mutants or **/*.svg", pattern)
		}
		if strings.Contains(e, "**") && e != "**" {
			return Glob{}, errors.Errorf("pattern %q: ** stands alone between slashes", pattern)
		}
		if _, err := path.Match(e, ""); err != nil {
			return Glob{}, errors.Errorf("pattern %q: %q is not closed properly", pattern, e)
		}
	}
	return Glob{elements}, nil
}

// Match reports whether the pattern matches name or a directory that name is in.
func (g Glob) Match(name string) bool {
	return match(g.elements, strings.Split(name, "/"))
}

func match(pattern, name []string) bool {
	if len(pattern) == 0 {
		return true // what is left of name is inside the directory that matched
	}
	if pattern[0] == "**" {
		for i := range len(name) + 1 {
			if match(pattern[1:], name[i:]) {
				return true
			}
		}
		return false
	}
	if len(name) == 0 {
		return false
	}
	ok, err := path.Match(pattern[0], name[0])
	return err == nil && ok && match(pattern[1:], name[1:])
}
