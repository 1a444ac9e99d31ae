// Command labkv-ctl reads and writes a store from the command line, and shows the
// state of a cluster.
//
//	labkv-ctl raw get KEY
//	labkv-ctl raw put KEY VALUE
//	labkv-ctl raw delete KEY
//	labkv-ctl raw scan [START]
//	labkv-ctl mvcc KEY
//	labkv-ctl txn
//	labkv-ctl gc
//	labkv-ctl status
//	labkv-ctl stores | regions | operators
//	labkv-ctl operator add-peer | remove-peer | move-peer | transfer | split | scatter | cancel
//	labkv-ctl store remove | restore
//
// The last three lines are for a cluster with a scheduler (--scheduler), which answers. So
// are txn, a shell for transactions, which reads commands from its standard input, and gc,
// which removes old versions. raw and mvcc find the stores of such a cluster through its scheduler. Given the addresses of
// several stores (--addr once for each), they find the one that leads. A request is sent
// again, until --timeout, as long as it certainly had no effect. A write of which that is
// not certain ends with an error that says so.
//
// Exit codes: 0 done, 1 it could not be done, the key of a get is absent, or a cluster
// is not well, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), program.Signals()...)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with its surroundings as parameters. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "labkv-ctl",
		Short:         "Read, write and look at LabKV stores",
		Version:       program.VersionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRawCommand(), newMVCCCommand(), newTxnCommand(), newGCCommand(), newStatusCommand(), newStoresCommand(), newRegionsCommand(), newOperatorsCommand(), newOperatorCommand(), newStoreCommand())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "labkv-ctl: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	var usage *usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		return 2
	}
	return 1
}

// A usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// exactly demands one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), names...)
}

// between demands at least the first of the named arguments, and at most all.
func between(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return &usageError{fmt.Errorf("%s: %s is missing, see --help", cmd.CommandPath(), names[len(args)])}
		case len(args) > len(names):
			return &usageError{fmt.Errorf("%s: unexpected argument %q, see --help", cmd.CommandPath(), args[len(names)])}
		default:
			return nil
		}
	}
}
