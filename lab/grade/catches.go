package grade

import (
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
)

// WriteMarkdown writes what the tests hold solutions to, and which wrong
// solutions each of them catches: a table for each of clauses, with a row for each
// item, and one for each stage, with a row for each claim of its tests. It depends
// on nothing but the tree. An item none of whose tests catches anything is an error.
func (r *MutantReport) WriteMarkdown(w io.Writer, clauses []*Clauses) error {
	caught := map[string][]string{} // by test
	for _, k := range r.Kills {
		if k.Killer != nil {
			_, name, _ := strings.Cut(k.Mutant.Name, "/")
			caught[k.Killer.Test.Name] = append(caught[k.Killer.Test.Name], name)
		}
	}
	out := &errWriter{w: w}
	out.print("# What the tests catch\n\n",
		"<!-- Written by lab mutants --markdown; edits are lost. -->\n\n",
		"What the guides and the package comments demand, the tests that look at it, and the wrong solutions of\n",
		"`lab/mutants` that died of them. A wrong solution dies once, of the first test that notices it: first the\n",
		"tests without seeds run, in the order of their stage, then the first seeds of the others, then the rest. So a\n",
		"test without wrong solutions need not be idle; others came before it.\n")
	for _, cl := range clauses {
		out.print("\n## ", markdownText(cl.Title()), "\n\n",
			"| | clause | tests | wrong solutions |\n|---:|---|---|---|\n")
		for i, item := range cl.items {
			tests := cl.Tests[i+1]
			names := catches(caught, tests)
			if len(names) == 0 {
				return errors.Errorf("%s: no wrong solution dies of the tests for item %d", cl.Title(), i+1)
			}
			out.print("| ", strconv.Itoa(i+1), " | ", strings.ReplaceAll(item, "|", `\|`), " | ", codes(tests), " | ", codes(names), " |\n")
		}
	}
	var stage *course.Stage
	for i := 0; i < len(r.tests); {
		if s := r.tests[i].Test.Stage; s != stage {
			stage = s
			out.print("\n## Stage ", s.ID, ": ", markdownText(s.Title), "\n\n",
				"| guarantee | source | tests | wrong solutions |\n|---|---|---|---|\n")
		}
		claim := r.tests[i].Claim
		var tests []string
		for ; i < len(r.tests) && r.tests[i].Test.Stage == stage && r.tests[i].Claim == claim; i++ {
			tests = append(tests, r.tests[i].Test.Name)
		}
		out.print("| ", markdownText(claim.Text), " | ", markdownText(claim.Source), " | ",
			codes(tests), " | ", codes(catches(caught, tests)), " |\n")
	}
	return out.err
}

// catches returns what any of tests caught.
func catches(caught map[string][]string, tests []string) []string {
	var names []string
	for _, test := range tests {
		names = append(names, caught[test]...)
	}
	return names
}

// codes lists names as code.
func codes(names []string) string {
	if len(names) == 0 {
		return "—"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

var (
	stageHeading = regexp.MustCompile(`^## Stage (\S+):`)
	code         = regexp.MustCompile("`([^`]+)`")
)

// KnownKillers reads from the text that WriteMarkdown wrote of which tests of c each
// mutant died, by the mutant's name. Tests that have gone are left out.
func KnownKillers(c *course.Course, text string) map[string][]*course.Test {
	killers := map[string][]*course.Test{}
	var stage *course.Stage
	for line := range strings.Lines(text) {
		if m := stageHeading.FindStringSubmatch(line); m != nil {
			stage, _ = c.Stage(m[1])
		}
		if stage == nil || !strings.HasPrefix(line, "| ") {
			continue
		}
		// The last columns are the tests and the mutants; earlier ones are prose.
		columns := strings.Split(strings.TrimSuffix(strings.TrimSpace(line), " |"), " | ")
		if len(columns) < 4 {
			continue
		}
		var tests []*course.Test
		for _, m := range code.FindAllStringSubmatch(columns[len(columns)-2], -1) {
			if test, ok := c.Test(m[1]); ok && test.Stage == stage {
				tests = append(tests, test)
			}
		}
		if len(tests) == 0 {
			continue
		}
		for _, m := range code.FindAllStringSubmatch(columns[len(columns)-1], -1) {
			killers[stage.ID+"/"+m[1]] = tests
		}
	}
	return killers
}
