// Command labkv-scheduler manages a cluster of stores: it hands out ids and
// timestamps, knows from heartbeats where every region is, and tells the leaders of
// regions what to change, so that each region has enough copies and no store has too
// much to do.
//
//	labkv-scheduler --cluster-id N --path DIR [--addr HOST:PORT] [--config FILE]
//
// The first start on an empty directory makes the scheduler of a new cluster. Stores
// join with labkv-server --scheduler HOST:PORT.
//
// Settings come from the file, then from flags, which win. It stops on SIGINT,
// SIGTERM or SIGHUP, after letting calls finish for a while; a second signal ends it
// at once.
// Exit codes: 0 stopped, 1 could not serve, 2 wrong usage, 3 something that it needs
// is not implemented yet.
package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/internal/service"
)

func main() {
	os.Exit(service.Main(newCommand(os.Stderr), os.Args[1:], os.Stdout, os.Stderr))
}

func newCommand(stderr io.Writer) *cobra.Command {
	config := defaultConfig()
	cmd := &cobra.Command{
		Use:   "labkv-scheduler --cluster-id N --path DIR",
		Short: "Manage a cluster of LabKV stores",
		Example: `  labkv-scheduler --cluster-id 1 --path scheduler

and then, as often as there are to be stores:

  labkv-server --scheduler 127.0.0.1:20150 --addr 127.0.0.1:20161 --path store1`,
		Args:    service.NoArguments,
		Version: program.VersionText(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.complete(cmd.Flags()); err != nil {
				return &service.UsageError{Err: err}
			}
			return serve(cmd.Context(), config, service.NewLogger(stderr, config.LogLevel))
		},
	}
	config.addFlags(cmd.Flags())
	return cmd
}
