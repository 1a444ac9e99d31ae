package grade

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/errors"
	"go.yaml.in/yaml/v3"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
)

// clausesFile says which tests look at which clause, relative to the root of the
// tree.
const clausesFile = mutants.Dir + "/clauses.yaml"

// Clauses are the numbered items of one section of a guide or a package comment:
// what the tests must look at.
type Clauses struct {
	// File is the guide or the Go file, relative to the root. Under are the
	// headings that lead to the section, the outermost first.
	File  string   `yaml:"file"`
	Under []string `yaml:"under"`
	// Tests are the names of the tests of each item.
	Tests map[int][]string `yaml:"tests"`

	// items are the texts of the items, the first of which has number 1.
	items []string
}

// LoadClauses reads the clauses of a course: none if it has no file of them. It is an
// error if an item of a section has no test, or a test does not exist.
func LoadClauses(c *course.Course) ([]*Clauses, error) {
	data, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(clausesFile)))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Trace(err)
	}
	var all []*Clauses
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		return nil, errors.Annotate(err, clausesFile)
	}
	for _, cl := range all {
		if err := cl.resolve(c); err != nil {
			return nil, errors.Annotatef(err, "%s: %s", clausesFile, cl.Title())
		}
	}
	return all, nil
}

// Of returns what the section demands that a test looks at: the numbers of the items with
// their texts, in order.
func (cl *Clauses) Of(test string) (numbers []int, texts []string) {
	for i, item := range cl.items {
		if slices.Contains(cl.Tests[i+1], test) {
			numbers, texts = append(numbers, i+1), append(texts, item)
		}
	}
	return numbers, texts
}

// Title is the file and the headings of the section.
func (cl *Clauses) Title() string { return cl.File + ", " + strings.Join(cl.Under, ", ") }

// resolve reads the items and checks that they and the tests fit together.
func (cl *Clauses) resolve(c *course.Course) error {
	text, err := documentText(filepath.Join(c.Root, filepath.FromSlash(cl.File)))
	if err != nil {
		return err
	}
	if cl.items, err = numberedItems(text, cl.Under); err != nil {
		return err
	}
	for i := range cl.items {
		if len(cl.Tests[i+1]) == 0 {
			return errors.Errorf("item %d has no test", i+1)
		}
	}
	if len(cl.Tests) > len(cl.items) {
		return errors.Errorf("there are tests for %d items, and the section has %d", len(cl.Tests), len(cl.items))
	}
	for number, tests := range cl.Tests {
		for _, name := range tests {
			if _, ok := c.Test(name); !ok {
				return errors.Errorf("item %d: there is no test %s", number, name)
			}
		}
	}
	return nil
}

// documentText returns the text of a Markdown file, or the package comment of a Go
// file.
func documentText(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", errors.Trace(err)
	}
	if filepath.Ext(file) != ".go" {
		return string(data), nil
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, data, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		return "", errors.Trace(err)
	}
	return parsed.Doc.Text(), nil
}

var (
	headingLine  = regexp.MustCompile(`^#+ +(.*)$`)
	itemLine     = regexp.MustCompile(`^ *(\d+)\. +(.*)$`)
	continuation = regexp.MustCompile(`^ {2,}(\S.*)$`)
)

// numberedItems returns the items of the first numbered list after the headings under,
// which follow each other.
func numberedItems(text string, under []string) ([]string, error) {
	var items []string
	missing := under
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := headingLine.FindStringSubmatch(line); m != nil {
			if len(missing) == 0 {
				break
			}
			if m[1] == missing[0] {
				missing = missing[1:]
			}
			continue
		}
		if len(missing) > 0 {
			continue
		}
		if m := itemLine.FindStringSubmatch(line); m != nil {
			if m[1] != strconv.Itoa(len(items)+1) {
				return nil, errors.Errorf("item %s comes after item %d", m[1], len(items))
			}
			items = append(items, m[2])
		} else if m := continuation.FindStringSubmatch(line); m != nil && len(items) > 0 {
			items[len(items)-1] += " " + m[1]
		}
	}
	if len(missing) > 0 {
		return nil, errors.Errorf("there is no heading %q", missing[0])
	}
	if len(items) == 0 {
		return nil, errors.New("the section has no numbered items")
	}
	return items, nil
}
