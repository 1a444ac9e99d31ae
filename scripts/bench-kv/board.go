package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"
)

// A board collects results.
type board struct{ rows []*row }

// A row has the results of one operation by so many clients, by system and round.
type row struct {
	op      operation
	clients int
	results map[string][]*result
}

// attempts is how often a round is tried: one in which the leader changed, because the
// machine stood still for too long, says nothing.
const attempts = 3

// measure adds a row. Systems take turns, each round in the opposite order.
func (b *board) measure(ctx context.Context, systems []system, op operation, clients int, o *options) error {
	r := &row{op, clients, map[string][]*result{}}
	b.rows = append(b.rows, r)
	if o.profiles != "" {
		for _, s := range systems {
			if l, ok := s.(*labkv); ok {
				if err := profiled(ctx, l, op, clients, o); err != nil {
					return err
				}
			}
		}
	}
	for range o.rounds {
		for _, s := range systems {
			result, err := round(ctx, s, op, clients, o)
			if err != nil {
				return errors.Annotatef(err, "%s, %s by %d clients", s.name(), op, clients)
			}
			r.results[s.name()] = append(r.results[s.name()], result)
		}
		slices.Reverse(systems)
	}
	fmt.Fprintln(os.Stderr, r.line())
	return nil
}

// profiled runs a round that is profiled and not counted.
func profiled(ctx context.Context, l *labkv, op operation, clients int, o *options) error {
	if err := l.findLeader(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.profile(ctx, fmt.Sprintf("%s-%d", op, clients), o.period) })
	group.Go(func() error {
		_, err := load(ctx, l, op, clients, o)
		return err
	})
	return group.Wait()
}

func round(ctx context.Context, s system, op operation, clients int, o *options) (*result, error) {
	for attempt := 1; ; attempt++ {
		if err := s.findLeader(ctx); err != nil {
			return nil, err
		}
		r, err := load(ctx, s, op, clients, o)
		if err == nil || ctx.Err() != nil || attempt == attempts {
			return r, err
		}
		fmt.Fprintf(os.Stderr, "%s: trying a round again: %v\n", s.name(), err)
	}
}

// line returns the row as a line of text: the operations per second of each
// round.
func (r *row) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s by %d:", r.op, r.clients)
	for _, name := range slices.Sorted(maps.Keys(r.results)) {
		fmt.Fprintf(&b, "  %s", name)
		for _, result := range r.results[name] {
			fmt.Fprintf(&b, " %.0f", result.perSecond())
		}
	}
	return b.String()
}

// print writes the table, with the median of all rounds in each cell: a line for each
// number of regions, with its ratio to the first number, and beside it etcd, which has
// none.
func (b *board) print(w io.Writer, regions []int) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"operation", "clients", "regions", "labkv/s", "p50", "p99", "CPU", fmt.Sprintf("to %d", regions[0]), "etcd/s", "p50", "p99", "CPU", "labkv/etcd", "of rounds"})
	var columns []table.ColumnConfig
	for n := 2; n <= 14; n++ {
		columns = append(columns, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	for _, r := range b.rows {
		theirs := r.results["etcd"]
		for _, n := range regions {
			ours := r.results[labkvName(n)]
			cells := append(table.Row{r.op, r.clients, n}, numbers(ours)...)
			cells = append(cells, middleOf(ratios(ours, r.results[labkvName(regions[0])])))
			cells = append(cells, numbers(theirs)...)
			of := ratios(ours, theirs)
			t.AppendRow(append(cells, middleOf(of), rangeOf(of)))
		}
	}
	fmt.Fprintln(w, t.Render())
}

// numbers returns four cells about the rounds of one system.
func numbers(results []*result) table.Row {
	if len(results) == 0 {
		return table.Row{"-", "-", "-", "-"}
	}
	return table.Row{
		fmt.Sprintf("%.0f", medianOf(results, (*result).perSecond)),
		medianOf(results, func(r *result) time.Duration { return r.quantile(0.5) }),
		medianOf(results, func(r *result) time.Duration { return r.quantile(0.99) }),
		medianOf(results, func(r *result) time.Duration { return r.processor.Round(time.Microsecond) }),
	}
}

// ratios returns how many times as many operations the one system has done as the other
// one, for each round; none if one of them was not measured.
func ratios(ours, theirs []*result) (all []float64) {
	for i := range min(len(ours), len(theirs)) {
		all = append(all, ours[i].perSecond()/theirs[i].perSecond())
	}
	return all
}

func middleOf(ratios []float64) string {
	if len(ratios) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", medianOf(ratios, func(r float64) float64 { return r }))
}

func rangeOf(ratios []float64) string {
	if len(ratios) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f-%.2f", slices.Min(ratios), slices.Max(ratios))
}

// medianOf returns the median of what the function of returns for each of all; of an
// even number the lower one.
func medianOf[T any, N cmp.Ordered](all []T, of func(T) N) N {
	var numbers []N
	for _, one := range all {
		numbers = append(numbers, of(one))
	}
	slices.Sort(numbers)
	return numbers[(len(numbers)-1)/2]
}
