package main

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/diagnose"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/mutants"
)

func (a *app) mutantsCommand() *cobra.Command {
	var r running
	var markdown, signatures string
	cmd := &cobra.Command{
		Use:   "mutants [STAGE or MUTANT ...]",
		Short: "run the catalog of wrong solutions against the tests",
		Long: `Runs every wrong solution of the catalog against the graded tests of its stage,
and prints what killed it. A wrong solution that passes is a hole in the tests. The
last line is "killed N/N". With --markdown, it also writes a document that lists what
the tests hold solutions to and which wrong solutions each of them catches.

With --signatures, each runs against all tests of its stage and package, with a few
seeds, and nothing else is done.`,
		Example: `  lab mutants
  lab mutants 2b --signatures lab/mutants/signatures.txt
  lab mutants 2aa 2ab --jobs 4
  lab mutants 2aa/half-is-majority`,
		ValidArgsFunction: a.completeMutants,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			catalog, err := selectMutants(c, args)
			if err != nil {
				return err
			}
			if markdown != "" && len(args) > 0 {
				return usageError{errors.New("--markdown needs all wrong solutions: name no stage and no mutant")}
			}
			clauses, err := grade.LoadClauses(c)
			if err != nil {
				return err
			}
			runner, err := r.runner(a, false)
			if err != nil {
				return err
			}
			p := newProgress("building")
			defer p.stop()
			runner.Progress = p.update
			built, err := runner.BuildWith(cmd.Context(), c, catalog)
			if err != nil {
				return err
			}
			defer built.Close()
			if signatures != "" {
				return writeSignatures(cmd.Context(), c, runner, built, catalog, signatures)
			}
			report, err := runner.RunMutants(cmd.Context(), built, catalog, nil)
			if err != nil {
				return err
			}
			p.stop()
			if err := report.Kills.WriteTable(os.Stdout, a.tableOptions()); err != nil {
				return err
			}
			if markdown != "" && len(report.Kills.Survivors()) == 0 {
				write := func(w io.Writer) error { return report.WriteMarkdown(w, clauses) }
				if err := writeFile(markdown, write); err != nil {
					return err
				}
			}
			if len(report.Kills.Survivors()) > 0 {
				return exit{exitFailed}
			}
			return nil
		}),
	}
	r.flags(cmd)
	cmd.Flags().StringVar(&signatures, "signatures", "", "kill none, but write to `FILE` how they fail the tests, which lab diagnose compares with; what it says of others stays")
	cmd.Flags().StringVar(&markdown, "markdown", "", "also write what the tests catch to `FILE`")
	cmd.MarkFlagsMutuallyExclusive("markdown", "signatures")
	return cmd
}

// writeSignatures runs mutants and puts their signatures in a file, also if it is interrupted.
func writeSignatures(ctx context.Context, c *course.Course, runner *grade.Runner, built *grade.Built, catalog []mutants.Mutant, file string) error {
	themes, err := diagnose.LoadThemes(c)
	if err != nil {
		return err
	}
	all, err := diagnose.ReadSignatures(file)
	if err != nil {
		return err
	}
	found, runErr := runner.Signatures(ctx, built, catalog, themes.Broad)
	for i, m := range catalog {
		if found[i] != nil { // nil: it was interrupted
			all.Put(m, found[i])
		}
	}
	whole, err := mutants.Load(c.Root, c.Directives())
	if err != nil {
		return err
	}
	if err := writeFile(file, func(w io.Writer) error { return all.Write(w, c, whole) }); err != nil {
		return err
	}
	return runErr
}

// selectMutants returns the mutants that args name, each of which is a stage or the
// name of a mutant, in the order of the catalog; without args all of them.
func selectMutants(c *course.Course, args []string) ([]mutants.Mutant, error) {
	var stages []string           // that are wanted whole
	single := map[string]string{} // the stage of each mutant that is named
	for _, arg := range args {
		if stage, _, ok := strings.Cut(arg, "/"); ok {
			single[strings.ToLower(arg)] = stage
		} else {
			stages = append(stages, arg)
		}
	}
	whole := map[string]bool{} // directives
	if len(stages) > 0 || len(single) == 0 {
		selected, err := c.SelectStages(stages...)
		if err != nil {
			return nil, usageError{err}
		}
		for _, s := range selected {
			whole[s.Directive()] = true
		}
	}
	want := slices.Collect(maps.Keys(whole))
	for _, stage := range single {
		s, ok := c.Stage(stage)
		if !ok {
			return nil, usageError{errors.Errorf("there is no stage %s", stage)}
		}
		want = append(want, s.Directive())
	}
	catalog, err := mutants.Load(c.Root, c.Directives(), want...)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range catalog {
		names = append(names, m.Name)
	}
	catalog = slices.DeleteFunc(catalog, func(m mutants.Mutant) bool {
		_, named := single[m.Name]
		delete(single, m.Name)
		return !named && !whole[m.Stage]
	})
	for _, name := range slices.Sorted(maps.Keys(single)) {
		return nil, usageError{errors.Errorf("there is no mutant %s: the files in %s/%s are the mutants of that stage%s", name, mutants.Dir, strings.ToLower(single[name]), course.DidYouMean(name, names))}
	}
	return catalog, nil
}

// completeMutants completes stages, and mutants once there is a stage before a
// slash.
func (a *app) completeMutants(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if stage, _, within := strings.Cut(word, "/"); within {
		return a.mutantNames(stage, word), cobra.ShellCompDirectiveNoFileComp
	}
	found := slices.DeleteFunc(a.selectors(word), func(name string) bool { return begins(name, "test") })
	return found, cobra.ShellCompDirectiveNoFileComp
}

// mutantNames returns the mutants of a stage that begin with a word.
func (a *app) mutantNames(stage, word string) []cobra.Completion {
	c, err := a.course()
	if err != nil {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(c.Root, filepath.FromSlash(mutants.Dir), strings.ToLower(stage), "*.go"))
	var found []cobra.Completion
	for _, file := range files {
		if name := stage + "/" + strings.TrimSuffix(filepath.Base(file), ".go"); begins(name, word) {
			found = append(found, name)
		}
	}
	return found
}
