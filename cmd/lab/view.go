package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/lab/view"
)

func (a *app) viewCommand() *cobra.Command {
	var (
		out    string
		seed   uint64
		noOpen bool
	)
	cmd := &cobra.Command{
		Use:   "view TRACE [OTHER]",
		Short: "show the log of a simulated run as a picture in the browser",
		Long: `Makes a page of the log of a simulated run, which "lab replay" leaves in out/traces:
a diagram of all machines over time with their messages, states and faults. The page
zooms, filters, steps from event to event, and follows a request. It opens where the
run failed.

The page is one file next to the log. It works without a network, and can be sent to
others. With two logs it shows both, one above the other, and finds where they part.

Instead of a log, name a test and --seed: that is the log which "lab replay" left of it.`,
		Example: `  lab view out/traces/TestUnreliableNetwork2B-17.jsonl
  lab view TestUnreliableNetwork2B --seed 17
  lab view out/traces/TestUnreliableNetwork2B-17.jsonl before.jsonl
  lab view TestUnreliableNetwork2B --seed 17 --out run.html --no-open`,
		Args: cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if strings.HasPrefix(strings.ToLower(word), "test") {
				return a.completeTest(cmd, args, word)
			}
			return []cobra.Completion{"jsonl"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			var logs []*trace.Log
			var names []string
			for i, arg := range args {
				name, err := a.traceFile(arg, seed)
				if err != nil {
					return err
				}
				log, err := readPart(cmd.Context(), name)
				if err != nil {
					return usageError{err}
				}
				if v := log.Header.Version; v != trace.Version {
					return usageError{fmt.Errorf("%s: the log has version %d, and the page shows version %d: write it again with lab replay", name, v, trace.Version)}
				}
				if len(log.Events) == 0 {
					return usageError{fmt.Errorf("%s: the log has no events", name)}
				}
				if i == 0 && out == "" {
					out = strings.TrimSuffix(name, ".jsonl") + ".html"
				}
				logs, names = append(logs, log), append(names, name)
			}
			for _, name := range names {
				if same(name, out) {
					return usageError{fmt.Errorf("--out %s is the log itself", out)}
				}
			}
			if err := writeFile(out, func(w io.Writer) error { return view.Page(w, logs...) }); err != nil {
				return err
			}
			path, err := filepath.Abs(out)
			if err != nil {
				return err
			}
			fmt.Println("picture:", relative(path))
			if !noOpen && term.IsTerminal(int(os.Stdout.Fd())) {
				if err := openFile(path); err != nil {
					fmt.Fprintf(os.Stderr, "lab: no browser opens: %v\n", err)
				}
			}
			return nil
		}),
	}
	cmd.Flags().Uint64Var(&seed, "seed", 0, "the seed, `S`, of a test that has seeds")
	cmd.Flags().StringVar(&out, "out", "", "write the page to this `FILE`, not next to the first log")
	cmd.Flags().BoolVar(&noOpen, "no-open", false, "open no browser")
	return cmd
}

// same reports whether two names are of one file.
func same(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// traceFile returns the file of a log: the argument itself, or what replay left of the
// test that it names.
func (a *app) traceFile(arg string, seed uint64) (string, error) {
	if _, err := os.Stat(arg); err == nil {
		return arg, nil
	} else if strings.HasSuffix(arg, ".jsonl") || strings.ContainsAny(arg, `/\`) || !strings.HasPrefix(strings.ToLower(arg), "test") {
		return "", usageError{err}
	}
	c, err := a.course()
	if err != nil {
		return "", err
	}
	test, err := c.FindTest(arg)
	if err != nil {
		return "", usageError{err}
	}
	if seed == 0 && len(test.Seeds) > 0 {
		return "", usageError{fmt.Errorf("%s has seeds: name one with --seed, such as --seed %d", test.Name, test.Seeds[0])}
	}
	name := filepath.Join("out", "traces", fmt.Sprintf("%s-%d.jsonl", test.Name, seed))
	if _, err := os.Stat(name); err != nil {
		return "", usageError{fmt.Errorf("there is no %s yet: make it with %s", name, replayLine(test, seed))}
	}
	return name, nil
}

func replayLine(test *course.Test, seed uint64) string {
	line := "lab replay " + test.Name
	if seed != 0 {
		line += fmt.Sprintf(" --seed %d", seed)
	}
	return line
}

// readPart reads as much of a log as a page shows.
func readPart(ctx context.Context, name string) (*trace.Log, error) {
	return readLog(ctx, name, "the page shows what comes before", func(r io.Reader) (*trace.Log, error) {
		return trace.ReadPart(r, view.MaxEvents)
	})
}

// openFile opens a file in the browser of the desktop.
func openFile(path string) error {
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "darwin":
		cmd = exec.Command("open", path)
	case "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", path)
	default:
		cmd = exec.Command("xdg-open", path)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
