package main

import (
	"context"
	"fmt"
	"time"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
)

func newGCCommand() *cobra.Command {
	t := &target{}
	var keep time.Duration
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove versions that only old snapshots can see",
		Long: `Removes versions of keys that no snapshot younger than --keep sees, and what became of
transactions that began before. Snapshots that are older can no longer be read, and transactions
that began before and are still at work cannot commit.

It can be interrupted at any time, and run again. A scheduler does the same regularly with
--gc-interval.`,
		Args: between(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case t.timeout <= 0:
				return &usageError{errors.Errorf("--timeout %s is not positive", t.timeout)}
			case keep < 0:
				return &usageError{errors.Errorf("--keep %s is negative", keep)}
			}
			conn, err := schedulerclient.Dial(t.scheduler)
			if err != nil {
				return &usageError{errors.Annotate(err, "--scheduler")}
			}
			defer conn.Close()
			c, err := client.NewTransactional(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			done, err := c.Collect(ctx, keep)
			if done.SafePoint != 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "safe point %s\nresolved the locks of %d older transactions\nremoved %d records\n", showTS(done.SafePoint), done.Transactions, done.Removed)
			}
			if err != nil {
				return errors.Errorf("old versions were not all removed: %s", t.inWords(err))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&t.scheduler, "scheduler", "127.0.0.1:20150", "`host:port` of the scheduler")
	cmd.Flags().DurationVar(&t.timeout, "timeout", 5*time.Minute, "how long to try, in all")
	cmd.Flags().DurationVar(&keep, "keep", 10*time.Minute, "for how long old versions are kept; longer than any transaction takes")
	cmd.Flags().BoolVar(&t.hex, "hex", false, "keys in messages are hexadecimal")
	return cmd
}
