package diagnose

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/pingcap/errors"
	"go.yaml.in/yaml/v3"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
)

// QuestionsFile has the themes of a course, relative to its root.
const QuestionsFile = mutants.Dir + "/questions.yaml"

// A Theme is mistakes about the same thing: the tests that look at it, and the question
// that leads there.
type Theme struct {
	Name     string   `yaml:"theme"`
	Question string   `yaml:"question"`
	Tests    []string `yaml:"tests"`
	// Mistakes are mutants that belong here, although other tests notice them.
	Mistakes []string `yaml:"mistakes"`
	// Broad is set alone: tests that anything can fail, and that belong to no theme.
	Broad []string `yaml:"broad"`
}

// Themes are the themes of a course.
type Themes struct {
	All   []*Theme
	of    map[string]*Theme // by test; nil for broad ones
	takes map[string]*Theme // by mutant
}

// LoadThemes reads the themes of a course. It is an error if a graded test is in none of
// them and not broad, or in several; or if a theme has no question.
func LoadThemes(c *course.Course) (*Themes, error) {
	data, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(QuestionsFile)))
	if err != nil {
		return nil, errors.Trace(err)
	}
	ts, err := parseThemes(c, data)
	return ts, errors.Annotate(err, QuestionsFile)
}

func parseThemes(c *course.Course, data []byte) (*Themes, error) {
	var read []*Theme
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&read); err != nil {
		return nil, errors.Trace(err)
	}
	ts := &Themes{of: map[string]*Theme{}, takes: map[string]*Theme{}}
	names := map[string]bool{}
	for _, t := range read {
		tests := t.Tests
		switch {
		case len(t.Broad) > 0:
			tests, t = t.Broad, nil
		case t.Name == "" || t.Question == "" || len(t.Tests) == 0:
			return nil, errors.Errorf("theme %q needs a name, a question and tests", t.Name)
		case names[t.Name]:
			return nil, errors.Errorf("there are two themes %q", t.Name)
		default:
			names[t.Name] = true
			ts.All = append(ts.All, t)
			for _, m := range t.Mistakes {
				if ts.takes[m] != nil {
					return nil, errors.Errorf("%s is in two themes", m)
				}
				ts.takes[m] = t
			}
		}
		for _, name := range tests {
			if _, ok := c.Test(name); !ok {
				return nil, errors.Errorf("there is no test %s", name)
			}
			if _, twice := ts.of[name]; twice {
				return nil, errors.Errorf("%s stands here twice", name)
			}
			ts.of[name] = t
		}
	}
	for _, stage := range c.Stages() {
		for _, test := range stage.Tests {
			if _, ok := ts.of[test.Name]; !ok {
				return nil, errors.Errorf("%s is in no theme, and not among the broad tests", test.Name)
			}
		}
	}
	return ts, nil
}

// Broad reports whether a test says little of what is wrong with a solution that fails it.
func (ts *Themes) Broad(test *course.Test) bool { return ts.of[test.Name] == nil }
