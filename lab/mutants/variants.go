package mutants

import (
	"os"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
)

// VariantsDir is where the right solutions of another shape are, relative to the
// root of the tree.
const VariantsDir = "lab/variants"

var right = catalog{
	noun: "variant", dir: VariantsDir, tag: "variant",
	directive: "//lab:variant", takes: "a directory and stages",
}

// LoadVariants reads the catalog of variants: solutions that are as right as the
// reference and do something in another way. Their files are like those of
// mutants, and what holds for a Mutant holds for them, but that they are of no one
// stage: the graded tests of all their Stages must pass. stages are all stages of
// the course, in upper case.
//
// The error is a [source.ErrorList] with every mistake found.
func LoadVariants(root string, stages []string) ([]Mutant, error) {
	if _, err := os.Stat(root + "/" + VariantsDir); err != nil {
		return nil, source.ErrorList{{File: VariantsDir, Msg: "cannot be read: " + err.Error()}}
	}
	variants, mistakes := newLoader(root, right).files(VariantsDir, "")
	for _, v := range variants {
		for _, stage := range v.Stages {
			if !slices.Contains(stages, stage) {
				mistakes.Add(v.File, 0, "unknown stage %q; there are %s", stage, strings.Join(stages, ", "))
			}
		}
	}
	return variants, mistakes.Err()
}
