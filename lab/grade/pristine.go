package grade

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/overlay"
)

// SourceTree returns the course's directories with directives.
func SourceTree(c *course.Course) *overlay.Tree {
	return &overlay.Tree{Root: c.Root, Dirs: c.EditDirs(), Stages: c.Directives()}
}

// Unfinished reports whether functions of a project are not written yet, in the tree of a
// student. Of code that cannot be read it does not know: building says more about it.
func Unfinished(c *course.Course, project string) bool {
	funcs, _ := SourceTree(c).Funcs()
	return slices.ContainsFunc(funcs, func(f overlay.Func) bool { return f.TODO && strings.HasPrefix(f.Stage, project) })
}

// Silent returns the functions that are not written yet, in the tree of a student, and do
// nothing meanwhile instead of saying so.
func Silent(c *course.Course) []overlay.Func {
	funcs, _ := SourceTree(c).Funcs()
	return slices.DeleteFunc(funcs, func(f overlay.Func) bool { return !f.TODO || !f.Quiet })
}

// Handout returns the repository that students start from, with the answers to the
// guides' questions if they are to have them.
func Handout(c *course.Course, withAnswers bool) *overlay.Handout {
	h := &overlay.Handout{Tree: SourceTree(c), Exclude: c.Handout.Exclude, Files: c.Handout.Files}
	if !withAnswers {
		h.Exclude = slices.Concat(h.Exclude, c.Handout.Answers)
	}
	return h
}

// Pristine returns the files in which the tree of a student differs from the course's
// tree, as far as building and testing see it: contents by path, nil for files that
// disappear. In a handout no file does.
func Pristine(c *course.Course) (map[string][]byte, error) {
	files, err := SourceTree(c).Skeleton(func(string) bool { return false }, overlay.DropPrivate)
	if err != nil {
		return nil, err
	}
	return files, dropExcluded(c, files)
}

// Staged returns the same for programs that are told when they start which stages are
// implemented, as Last has it in their environment.
func Staged(c *course.Course) (map[string][]byte, error) {
	files, err := SourceTree(c).Staged()
	if err != nil {
		return nil, err
	}
	return files, dropExcluded(c, files)
}

// Last returns what the environment of a program of Staged has if s is the last stage that
// is implemented, or none if s is nil.
func Last(s *course.Stage) string {
	last := "none"
	if s != nil {
		last = s.Directive()
	}
	return overlay.StagesVariable + "=" + last
}

// dropExcluded makes the test files invisible that a handout does not contain:
// they may use what only the complete solution has.
func dropExcluded(c *course.Course, files map[string][]byte) error {
	var globs []overlay.Glob
	for _, pattern := range c.Handout.Exclude {
		glob, err := overlay.ParseGlob(pattern)
		if err != nil {
			return err
		}
		globs = append(globs, glob)
	}
	var dirs []string
	for _, s := range c.Stages() {
		dirs = append(append(dirs, s.Packages...), s.Edit...)
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		entries, err := os.ReadDir(filepath.Join(c.Root, filepath.FromSlash(dir)))
		if err != nil {
			return errors.Trace(err)
		}
		for _, entry := range entries {
			name := dir + "/" + entry.Name()
			excluded := slices.ContainsFunc(globs, func(g overlay.Glob) bool { return g.Match(name) })
			if excluded && strings.HasSuffix(name, "_test.go") && !entry.IsDir() {
				files[name] = nil
			}
		}
	}
	return nil
}

// addHidden adds the test files in a directory of hidden tests, which has them
// at the paths that they have in the course.
func addHidden(files map[string][]byte, dir string) error {
	return errors.Annotate(filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(name)
		return err
	}), "read hidden tests")
}
