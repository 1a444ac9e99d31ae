package main

import (
	"bufio"
	"context"
	"fmt"
	"math"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/kv/client"
)

// raw holds the flags that all raw commands share.
type raw struct {
	cf string
	target
}

func newRawCommand() *cobra.Command {
	r := &raw{}
	cmd := &cobra.Command{
		Use:   "raw",
		Short: "Read and write keys directly, outside of transactions",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{errors.New("raw: say what to do: get, put, delete or scan")}
		},
	}
	r.addFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().StringVar(&r.cf, "cf", "default", "column `family`: default, lock or write")

	var limit uint32
	scan := &cobra.Command{
		Use:   "scan [START]",
		Short: "Print pairs in ascending order of keys, from the first key at or after START on",
		Args:  between(0, "START"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
				return r.scan(ctx, c, cmd, args, limit)
			})
		},
	}
	scan.Flags().Uint32Var(&limit, "limit", 100, "print at most this `number` of pairs")

	cmd.AddCommand(
		&cobra.Command{
			Use:   "get KEY",
			Short: "Print the value of a key",
			Args:  exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
					return r.get(ctx, c, cmd, args[0])
				})
			},
		},
		&cobra.Command{
			Use:   "put KEY VALUE",
			Short: "Set a key to a value",
			Args:  exactly("KEY", "VALUE"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
					return c.Put(ctx, r.cf, args[0], args[1])
				})
			},
		},
		&cobra.Command{
			Use:   "delete KEY",
			Short: "Remove a key",
			Args:  exactly("KEY"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
					return c.Delete(ctx, r.cf, args[0])
				})
			},
		},
		scan,
	)
	return cmd
}

func (r *raw) get(ctx context.Context, c *client.Raw, cmd *cobra.Command, key []byte) error {
	value, found, err := c.Get(ctx, r.cf, key)
	if err != nil {
		return err
	}
	if !found {
		return errors.Errorf("key %s is not there", r.format(key))
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), r.format(value))
	return errors.Trace(err)
}

// scan prints pairs until there are limit of them or no more, as they arrive. If the
// limit has cut the result, it says on standard error where to go on.
func (r *raw) scan(ctx context.Context, c *client.Raw, cmd *cobra.Command, args [][]byte, limit uint32) error {
	var start []byte
	if len(args) > 0 {
		start = args[0]
	}
	// One more than is printed shows whether more follow.
	ask := limit
	if ask < math.MaxUint32 {
		ask++
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for part, err := range c.ScanParts(ctx, r.cf, start, ask) {
		if err != nil {
			out.Flush() // the pairs that did arrive
			return err
		}
		for _, pair := range part.Pairs {
			if limit == 0 {
				if err := out.Flush(); err != nil {
					return errors.Trace(err)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "more pairs follow; to go on: labkv-ctl raw scan %s\n", r.argument(pair.Key))
				return nil
			}
			fmt.Fprintf(out, "%s\t%s\n", r.format(pair.Key), r.format(pair.Value))
			limit--
		}
	}
	return errors.Trace(out.Flush())
}
