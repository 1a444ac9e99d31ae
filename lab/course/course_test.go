package course_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labkv/labkv/lab/course"
	"github.com/stretchr/testify/require"
)

// tree writes files to a new directory that is a Go module.
func tree(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("// a course\nmodule example.com/c // here\n\ngo 1.26\n"), 0o644))
	return root
}

const whole = `title: A course
budget: {time: 20s}
handout: {files: front, answers: [answers.md],
  exclude: [secret, "**/*_internal_test.go"]}
imports: [bytes, encoding/..., example.org/lib]
projects:
  - id: "1"
    title: First
    guide: doc/one.md
    stages:
      - id: "1"
        title: begin
        points: 10
        packages: [a, b]
        edit: [a]
        guide: doc/one.md#begin
        hints: [one, two]
        imports: [proto/..., b]
        tests:
          - {name: TestFirst1, package: a, weight: 3}
          - {name: TestSeeds1, package: b, seeds: "1-3,7"}
  - id: "2"
    title: Second
    stages:
      - id: 2aa
        title: go on
        points: 5
        packages: [b]
        edit: [b]
        needs: ["1"]
        budget: {time: 1m, memory: 512MiB}
        tests: [TestOn2AA]
      - id: 2ab
        title: end
        points: 7
        packages: [b]
        edit: [b]
        needs: ["1", 2aa]
        tests:
          - TestEnd2AB
          - {name: TestSecret2AB, hidden: true}
version: "1.2"
`

var wholeTree = map[string]string{
	"course.yaml": whole,
	"a/a.go":      "package a\n",
	"a/a_test.go": "package a_test\n\nimport \"testing\"\n\n// TestFirst1 is the first.\nfunc TestFirst1(t *testing.T) {}\n\nfunc TestOfNoStage(t *testing.T) {}\n\nfunc TestBase64(t *testing.T) {}\n",
	"b/b.go":      "package b\n",
	"b/b_test.go": "package b_test\n\nimport \"testing\"\n\nfunc TestSeeds1(t *testing.T) {}\nfunc TestOn2AA(t *testing.T) {}\nfunc TestEnd2AB(t *testing.T) {}\n",
}

func TestLoad(t *testing.T) {
	root := tree(t, wholeTree)
	c, err := course.Load(root)
	require.NoError(t, err)
	require.Equal(t, "A course", c.Title)
	require.Equal(t, "example.com/c", c.Module)
	require.Equal(t, course.Version{Major: 1, Minor: 2}, c.Version)
	require.Equal(t, course.Handout{Exclude: []string{"secret", "**/*_internal_test.go"}, Answers: []string{"answers.md"}, Files: "front"}, c.Handout)
	require.Equal(t, []string{"1", "2AA", "2AB"}, c.Directives())
	require.Equal(t, []string{"a", "b"}, c.EditDirs())

	one, ok := c.Stage("1")
	require.True(t, ok)
	require.Equal(t, course.Budget{Time: 20 * time.Second, Memory: 1 << 30}, one.Budget)
	require.Equal(t, int64(4), one.Weight())
	require.Equal(t, []string{"one", "two"}, one.Hints)
	require.Equal(t, []uint64{1, 2, 3, 7}, one.Tests[1].Seeds)
	two, ok := c.Stage("2AA")
	require.True(t, ok)
	require.Equal(t, course.Budget{Time: time.Minute, Memory: 512 << 20}, two.Budget)
	require.Equal(t, "b", two.Tests[0].Package)
	require.Equal(t, []string{"1"}, two.Needs)

	found, err := course.Find(filepath.Join(root, "a"))
	require.NoError(t, err)
	require.Equal(t, root, found)
	_, err = course.Find(t.TempDir())
	require.ErrorContains(t, err, "no course.yaml in")
}

func TestEditable(t *testing.T) {
	c, err := course.Load(tree(t, wholeTree))
	require.NoError(t, err)
	for name, want := range map[string]bool{
		"a/a.go":        true,
		"b/new.go":      true,
		"a/a_test.go":   false,
		"a/deep/a.go":   false,
		"c/c.go":        false,
		"a.go":          false,
		"a/_a.go":       false,
		"a/.a.go":       false,
		"a/notes.md":    false,
		"../a/a.go":     false,
		"x/../a/a.go":   true, // the same file
		"a/a_test.go.x": false,
	} {
		require.Equal(t, want, c.Editable(name), name)
	}
}

func TestMayImport(t *testing.T) {
	c, err := course.Load(tree(t, wholeTree))
	require.NoError(t, err)
	for _, test := range []struct {
		dir, path string
		want      bool
	}{
		{"a", "bytes", true},
		{"a", "encoding", true},
		{"a", "encoding/json", true},
		{"a", "encodings", false},
		{"a", "os", false},
		{"a", "example.org/lib", true},
		{"a", "example.org/lib/inner", false},
		{"a", "example.com/c/proto/x", true},
		{"a", "example.com/c/b", true},
		{"b", "example.com/c/b", false},
		{"b", "example.com/c/lab/graded", false},
		{"a", "proto/x", false},
		{"a", "C", false},
	} {
		require.Equal(t, test.want, c.MayImport(test.dir, test.path), "%s in %s", test.path, test.dir)
	}
}

func TestSelect(t *testing.T) {
	c, err := course.Load(tree(t, wholeTree))
	require.NoError(t, err)
	for _, test := range []struct {
		selectors string
		want      string
	}{
		{"", "TestFirst1 TestSeeds1 TestOn2AA TestEnd2AB TestSecret2AB"},
		{"1", "TestFirst1 TestSeeds1"},
		{"2", "TestOn2AA TestEnd2AB TestSecret2AB"},
		{"2A", "TestOn2AA TestEnd2AB TestSecret2AB"},
		{"2AB", "TestEnd2AB TestSecret2AB"},
		{"2ab 1", "TestFirst1 TestSeeds1 TestEnd2AB TestSecret2AB"},
		{"testend2ab", "TestEnd2AB"},
		{"TestOn2AA 1", "TestFirst1 TestSeeds1 TestOn2AA"},
		{"2aa/TestOn2AA", "TestOn2AA"},
		{"2/testend2ab 1/TestFirst1", "TestFirst1 TestEnd2AB"},
	} {
		chosen, err := c.Select(strings.Fields(test.selectors)...)
		require.NoError(t, err)
		var names []string
		for _, t := range chosen.Tests() {
			names = append(names, t.Name)
		}
		require.Equal(t, test.want, strings.Join(names, " "), test.selectors)
	}
	for selector, want := range map[string]string{
		"3":             `unknown stage "3": there is 1, 2aa, 2ab`,
		"2b":            `unknown stage "2b": there is 1, 2aa, 2ab`,
		"11":            `unknown stage "11": there is 1, 2aa, 2ab`,
		"a":             `unknown stage "a": there is 1, 2aa, 2ab`,
		"2ac":           `unknown stage "2ac": there is 1, 2aa, 2ab`,
		"3ab":           `unknown stage "3ab": there is 1, 2aa, 2ab; did you mean 2ab?`,
		"on2aa":         `unknown stage "on2aa"; did you mean the test TestOn2AA?`,
		"TestNo1":       `unknown test "TestNo1": "lab explain STAGE" lists the tests of a stage`,
		"TestOn":        `unknown test "TestOn"; did you mean TestOn2AA?`,
		"testned2ab":    `unknown test "testned2ab"; did you mean TestEnd2AB?`,
		"1/TestOn2AA":   `TestOn2AA is not a test of stage 1 but of 2aa`,
		"9/TestOn2AA":   `unknown stage "9": there is 1, 2aa, 2ab`,
		"2aa/TestOnn2A": `unknown test "TestOnn2A"; did you mean TestOn2AA?`,
		"2aa/":          `unknown test ""`,
	} {
		_, err := c.Select(selector)
		require.ErrorContains(t, err, want, selector)
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct {
		name     string
		old, new string
		want     string // all of the error
	}{
		{"unknown field", "title: go on", "titel: go on", `course.yaml:26: unknown field "titel"`},
		{"files elsewhere", "files: front", "files: ../front", `course.yaml:3: files "../front" is not a directory below the course`},
		{"unknown top field", "title: A course", "title: A course\ncolour: red", `course.yaml:2: unknown field "colour"`},
		{"unknown field of a test", "weight: 3", "wieght: 3", `course.yaml:20: unknown field "wieght"`},
		{"field twice", "points: 5", "points: 5\n        points: 6", `course.yaml:28: field "points" is given twice, first on line 27`},
		{"wrong type", "points: 5", "points: many", `course.yaml:27: "many" does not belong here, a whole number does`},
		{"no list", "edit: [a]", "edit: a", `course.yaml:15: "a" does not belong here, a list does`},
		{"no mapping", "budget: {time: 20s}", "budget: 20s", `course.yaml:2: "20s" does not belong here, a mapping does`},
		{"duplicate stage", "id: 2ab", "id: 2aa", "course.yaml:33: stage 2aa is already on line 25"},
		{"bad stage id", "id: 2ab", "id: 2AB", `course.yaml:33: stage id "2AB": write a number and lower-case letters, like 2aa`},
		{"no points", "points: 7", "points: 0", "course.yaml:35: stage 2ab needs points, a positive whole number"},
		{"missing package", "packages: [a, b]", "packages: [a, b, c]", "course.yaml:14: directory c does not exist"},
		{"package outside", "packages: [a, b]", "packages: [a, b, ../c]", `course.yaml:14: directory "../c" is not below the course`},
		{"package twice", "packages: [a, b]", "packages: [a, b, a]", "course.yaml:14: directory a is listed twice"},
		{"needs what comes later", `needs: ["1"]`, "needs: [2ab]", `course.yaml:30: stage 2aa needs "2ab", which is not a stage before it`},
		{"weight", "weight: 3", "weight: 0", "course.yaml:20: test TestFirst1: weight 0 is not positive"},
		{"seeds backwards", `seeds: "1-3,7"`, "seeds: 3-1", `course.yaml:21: test TestSeeds1: seeds "3-1" run backwards`},
		{"no seeds", `seeds: "1-3,7"`, "seeds: few", `course.yaml:21: test TestSeeds1: seed "few" is not a positive number (write seeds like 1-20 or 3,17)`},
		{"seed zero", `seeds: "1-3,7"`, "seeds: 0-3", `course.yaml:21: test TestSeeds1: seed "0" is not a positive number (write seeds like 1-20 or 3,17)`},
		{"too many seeds", `seeds: "1-3,7"`, "seeds: 1-18446744073709551615", `course.yaml:21: test TestSeeds1: seeds "1-18446744073709551615" are more than 1000000`},
		{"foreign package", "package: a, weight", "package: z, weight", `course.yaml:20: test TestFirst1: "z" is none of the packages of stage 1 (a, b)`},
		{"which package", "package: a, weight", "weight", "course.yaml:20: test TestFirst1: which package? Stage 1 has several"},
		{"test of another stage", "tests: [TestOn2AA]", "tests: [TestOn2AB]", `course.yaml:32: test "TestOn2AB" of stage 2aa: names are like TestReason2AA`},
		{"test twice", "tests: [TestOn2AA]", "tests: [TestOn2AA, TestOn2AA]", "course.yaml:32: test TestOn2AA is already on line 32"},
		{"no tests", "tests: [TestOn2AA]", "tests: []", "course.yaml:25: stage 2aa has no tests"},
		{"time", "time: 20s", "time: 20", `course.yaml:2: time "20" is not a duration (write 20s or 2m)`},
		{"memory", "memory: 512MiB", "memory: 512", `course.yaml:31: memory "512" is not a size (write 512MiB or 2GiB)`},
		{"guide", "guide: doc/one.md#begin", "guide: doc/one.md", `course.yaml:16: guide "doc/one.md" is not of the form file#section`},
		{"no version", "version: \"1.2\"\n", "", `course.yaml:1: version "": write two numbers, like 1.2`},
		{"odd version", "version: \"1.2\"", "version: \"1.02\"", `course.yaml:42: version "1.02": write two numbers, like 1.2`},
		{"not YAML", "title: A course", "title: [", "course.yaml:2: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Contains(t, whole, test.old)
			files := map[string]string{}
			for name, text := range wholeTree {
				files[name] = text
			}
			files["course.yaml"] = strings.Replace(whole, test.old, test.new, 1)
			_, err := course.Load(tree(t, files))
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := course.Parse(tree(t, wholeTree), nil)
	require.EqualError(t, err, "course.yaml:1: is empty")
	_, err = course.Parse(t.TempDir(), []byte(whole))
	require.ErrorContains(t, err, "a course is a Go module")
}

// All mistakes are reported at once, in order.
func TestAllMistakes(t *testing.T) {
	text := strings.NewReplacer("points: 10", "points: 0", "packages: [b]", "packages: [c]", "weight: 3", "weight: -1").Replace(whole)
	_, err := course.Parse(tree(t, wholeTree), []byte(text))
	require.EqualError(t, err, strings.Join([]string{
		"course.yaml:13: stage 1 needs points, a positive whole number",
		"course.yaml:20: test TestFirst1: weight -1 is not positive",
		"course.yaml:28: directory c does not exist",
		"course.yaml:36: directory c does not exist",
	}, "\n"))
}

func TestResolve(t *testing.T) {
	c, err := course.Load(tree(t, wholeTree))
	require.NoError(t, err)
	resolved, err := c.Resolve()
	require.NoError(t, err)
	_, hidden := resolved.Test("TestSecret2AB")
	require.False(t, hidden, "a hidden test without a function does not exist")
	_, hidden = c.Test("TestSecret2AB")
	require.True(t, hidden)
	test, _ := resolved.Test("TestEnd2AB")
	require.Same(t, resolved, test.Stage.Project.Course)

	for _, mismatch := range []struct {
		name, old, new string
		want           string
	}{
		{"a/a_test.go", "func TestFirst1(", "func TestFirst(", "course.yaml:20: TestFirst1 is not in package a"},
		{"a/a_test.go", "func TestOfNoStage(", "func TestAgain1(", "a/a_test.go:8: TestAgain1 is not among the tests of stage 1 in course.yaml"},
		{"b/b_test.go", "func TestOn2AA(", "func TestMore2AA(t *testing.T) {}\nfunc TestOn2AA(", "b/b_test.go:6: TestMore2AA is not among the tests of stage 2aa in course.yaml"},
		{"a/a_test.go", "package a_test", "package a", "course.yaml:20: TestFirst1 (a/a_test.go:6) must be in package a_test"},
	} {
		files := map[string]string{}
		for name, text := range wholeTree {
			files[name] = text
		}
		require.Contains(t, files[mismatch.name], mismatch.old)
		files[mismatch.name] = strings.Replace(files[mismatch.name], mismatch.old, mismatch.new, 1)
		c, err := course.Load(tree(t, files))
		require.NoError(t, err)
		_, err = c.Resolve()
		require.ErrorContains(t, err, mismatch.want)
	}
}

func TestWithHidden(t *testing.T) {
	c, err := course.Load(tree(t, wholeTree))
	require.NoError(t, err)
	more := "package b_test\n\nimport \"testing\"\n\nfunc TestMore1(t *testing.T) {}\n"
	dir := tree(t, map[string]string{
		"course.yaml":    "tests:\n  - {stage: 1, name: TestMore1, package: b, weight: 4, seeds: 1-50}\n",
		"b/more_test.go": more,
	})
	merged, err := c.WithHidden(dir)
	require.NoError(t, err)
	test, ok := merged.Test("TestMore1")
	require.True(t, ok)
	require.Len(t, test.Seeds, 50)
	require.Equal(t, int64(8), test.Stage.Weight())
	one, _ := c.Stage("1")
	require.Equal(t, int64(4), one.Weight(), "the course itself stays as it is")

	for fragment, want := range map[string]string{
		"":                                      "course.yaml:1: is empty",
		"tests: []":                             "course.yaml:1: adds no tests",
		"tests:\n  - {stage: 9, name: TestX9}":  `course.yaml:2: test TestX9: unknown stage "9"`,
		"tests:\n  - {stage: 2aa, name: TestX}": `course.yaml:2: test "TestX" of stage 2aa`,
		"tests:\n  - {stage: 2aa, name: TestOn2AA}":  "course.yaml:2: test TestOn2AA exists in the course already",
		"tests:\n  - {stage: 2aa, name: TestOff2AA}": "course.yaml:2: TestOff2AA is not in package b_test of ",
		"points: 3": `course.yaml:1: unknown field "points"`,
	} {
		_, err := c.WithHidden(tree(t, map[string]string{"course.yaml": fragment, "b/more_test.go": more}))
		require.ErrorContains(t, err, want)
	}
	_, err = c.WithHidden(t.TempDir())
	require.ErrorContains(t, err, "read the list of hidden tests")
}

func TestSeeds(t *testing.T) {
	for list, want := range map[string]string{
		"1":                    "1",
		"1-20":                 "1-20",
		"3,17":                 "3,17",
		"17, 3":                "3,17",
		"1-3,2-5,9":            "1-5,9",
		"7,6,5":                "5-7",
		" 4 - 6 , 10":          "4-6,10",
		"18446744073709551615": "18446744073709551615",
	} {
		seeds, err := course.ParseSeeds(list)
		require.NoError(t, err, list)
		require.Equal(t, want, course.FormatSeeds(seeds))
	}
	for _, list := range []string{"", "0", "-1", "1-", "-", "1,,2", "1-2-3", "5-4", "x", "1-1000001", "1-600000,600001-1200000", "18446744073709551616"} {
		_, err := course.ParseSeeds(list)
		require.Error(t, err, list)
	}
}
