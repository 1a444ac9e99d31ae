package course

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pingcap/errors"
)

// WithHidden returns the course with the tests of a directory added. Its test
// files are at the paths that they have in the course, and its own course.yaml
// lists their tests:
//
//	tests:
//	  - {stage: 2aa, name: TestMoreVotes2AA, package: raft, weight: 2, seeds: 1-50}
//
// As in Resolve, a difference between the list and the files is an error. The tests are
// marked as hidden.
func (c *Course) WithHidden(dir string) (*Course, error) {
	name := filepath.Join(dir, FileName)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, errors.Annotate(err, "read the list of hidden tests")
	}
	merged, err := c.merge(name, data)
	if err != nil {
		return nil, err
	}
	var mismatches []string
	funcs := map[string][]Func{}
	for _, s := range merged.Stages() {
		for _, t := range s.Tests {
			if _, shown := c.Test(t.Name); shown {
				continue
			}
			t.Hidden = true
			if _, ok := funcs[t.Package]; !ok {
				if funcs[t.Package], err = testFuncs(dir, t.Package); err != nil && !os.IsNotExist(errors.Cause(err)) {
					return nil, err
				}
			}
			if !slices.ContainsFunc(funcs[t.Package], func(f Func) bool { return f.Name == t.Name && f.External }) {
				mismatches = append(mismatches, fmt.Sprintf("%s:%d: %s is not in package %s_test of %s", name, t.line, t.Name, filepath.Base(t.Package), filepath.Join(dir, filepath.FromSlash(t.Package))))
			}
		}
	}
	if len(mismatches) > 0 {
		return nil, errors.New(strings.Join(mismatches, "\n"))
	}
	return merged, nil
}

// merge returns the course with the tests of a fragment added. name is what
// errors call the fragment.
func (c *Course) merge(name string, data []byte) (*Course, error) {
	merged := c.clone()
	p := &loader{course: merged, tests: map[string]int{}}
	var fragment fragmentYAML
	if err := decodeStrict(data, &fragment); err != nil {
		p.yamlProblems(err)
		return nil, p.err(name)
	}
	if len(fragment.Tests) == 0 {
		p.problem(1, "adds no tests")
	}
	for _, ty := range fragment.Tests {
		stage, ok := merged.Stage(ty.Stage.value)
		if !ok {
			p.problem(ty.Name.line, "test %s: unknown stage %q", ty.Name.value, ty.Stage.value)
			continue
		}
		if _, exists := c.Test(ty.Name.value); exists {
			p.problem(ty.Name.line, "test %s exists in the course already", ty.Name.value)
			continue
		}
		ty.Hidden = false // here the function must be there
		p.test(stage, ty)
	}
	if err := p.err(name); err != nil {
		return nil, err
	}
	return merged, nil
}
