package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/trace"
)

func (a *app) traceCommand() *cobra.Command {
	var from, to time.Duration
	var store uint64
	cmd := &cobra.Command{
		Use:   "trace FILE",
		Short: "print the log of a simulated run as text",
		Long: `Prints the log of a simulated run, which "lab replay" leaves in out/traces: one line
for each thing that happened. All times are virtual, since the beginning of the run.`,
		Example: `  lab trace out/traces/TestUnreliableNetwork2B-17.jsonl
  lab trace --from 1.2s --to 1.5s --store 2 out/traces/TestUnreliableNetwork2B-17.jsonl`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"jsonl"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if to < 0 || from < 0 || to != 0 && to < from {
				return usageError{fmt.Errorf("--from %s is after --to %s", from, to)}
			}
			log, err := readLog(cmd.Context(), args[0], "what comes before follows", trace.Read)
			if err != nil {
				return usageError{err}
			}
			log.Events = slices.DeleteFunc(log.Events, func(e trace.Event) bool {
				return e.At < from || to != 0 && e.At > to || store != 0 && e.Store != store && e.From != store && e.To != store
			})
			return log.WriteText(cmd.OutOrStdout())
		}),
	}
	cmd.Flags().DurationVar(&from, "from", 0, "leave out what happened before this `time`")
	cmd.Flags().DurationVar(&to, "to", 0, "leave out what happened after this `time`")
	cmd.Flags().Uint64Var(&store, "store", 0, "leave out what is not about the store with this `number`")
	return cmd
}

// readLog reads a log until ctx is done: a pipe may never say anything. If the file ends
// in the middle of an event, it says so on standard error, with what becomes of the rest.
func readLog(ctx context.Context, name, rest string, read func(io.Reader) (*trace.Log, error)) (*trace.Log, error) {
	var (
		log  *trace.Log
		err  error
		done = make(chan struct{})
	)
	go func() {
		defer close(done)
		var file *os.File
		if file, err = os.Open(name); err != nil {
			return
		}
		defer file.Close()
		log, err = read(file)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var path *fs.PathError
	var cut *trace.CutOffError
	switch {
	case errors.As(err, &cut):
		fmt.Fprintf(os.Stderr, "lab: %s: %v; %s\n", name, err, rest)
		return log, nil
	case errors.As(err, &path):
		return nil, err // it has the name
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return log, nil
}
