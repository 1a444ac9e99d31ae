package grade

import (
	"fmt"
	"io"
	"strings"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
)

// WriteMarkdown writes what the tests hold solutions to, and which wrong
// solutions each of them catches: a table for each stage, with a row for each
// claim. It depends on nothing but the tree.
func (r *MutantReport) WriteMarkdown(w io.Writer) error {
	caught := map[*course.Test][]string{}
	for _, k := range r.Kills {
		if k.Killer != nil {
			_, name, _ := strings.Cut(k.Mutant.Name, "/")
			caught[k.Killer.Test] = append(caught[k.Killer.Test], name)
		}
	}
	out := &errWriter{w: w}
	out.print("# What the tests catch\n\n",
		"<!-- Written by lab mutants --markdown; edits are lost. -->\n\n",
		"Each row is a guarantee that the tests of a stage hold a solution to, with its source, the tests that look at it,\n",
		"and the wrong solutions of `lab/mutants` that died of them. A wrong solution dies once, of the first test that\n",
		"notices it: first the tests without seeds run, in the order of their stage, then the first seeds of the others,\n",
		"then the rest. So a row without wrong solutions need not be idle; others came before it.\n")
	var stage *course.Stage
	for i := 0; i < len(r.tests); {
		if s := r.tests[i].Test.Stage; s != stage {
			stage = s
			out.print(fmt.Sprintf("\n## %s: %s\n\n", s.ID, markdownText(s.Title)),
				"| guarantee | source | tests | wrong solutions |\n|---|---|---|---|\n")
		}
		claim := r.tests[i].Claim
		var tests, names []string
		for ; i < len(r.tests) && r.tests[i].Test.Stage == stage && r.tests[i].Claim == claim; i++ {
			tests = append(tests, r.tests[i].Test.Name)
			names = append(names, caught[r.tests[i].Test]...)
		}
		writeCatches(out, claim, tests, names)
	}
	return out.err
}

func writeCatches(out *errWriter, claim graded.Claim, tests, caught []string) {
	out.print("| ", markdownText(claim.Text), " | ", markdownText(claim.Source), " | ", codes(tests), " | ", codes(caught), " |\n")
}

// codes lists names as code.
func codes(names []string) string {
	if len(names) == 0 {
		return "—"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
