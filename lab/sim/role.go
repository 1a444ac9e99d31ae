package sim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pingcap/errors"
)

// A Role is what a machine is there for in a system, such as "store". Boot finds it in
// Env, and faults can aim at it.
type Role string

// The roles that package sim knows of. A scenario always has some stores, which keep the
// data.
const (
	Store     Role = "store"
	Scheduler Role = "scheduler"
)

// ClientRole is the Role of faults that aim at a client. No machine has it.
const ClientRole Role = "client"

// A Fleet is some machines of one role.
type Fleet struct {
	Role     Role
	Machines int
}

// fleets returns all machines of a run: the stores first, whose ids are 1 to Stores,
// and the others behind them.
func (s Setting) fleets() []Fleet {
	return append([]Fleet{{Store, s.Stores}}, s.Beside...)
}

// machines is the number of all machines.
func (s Setting) machines() int {
	n := 0
	for _, f := range s.fleets() {
		n += f.Machines
	}
	return n
}

// Machines returns the ids of the machines of a role, ascending.
func (s Setting) Machines(r Role) []uint64 {
	var ids []uint64
	next := uint64(1)
	for _, f := range s.fleets() {
		for range f.Machines {
			if f.Role == r {
				ids = append(ids, next)
			}
			next++
		}
	}
	return ids
}

// printFleets returns fleets as parseFleets reads them: "scheduler:1,proxy:2".
func printFleets(fleets []Fleet) string {
	parts := make([]string, len(fleets))
	for i, f := range fleets {
		parts[i] = fmt.Sprintf("%s:%d", f.Role, f.Machines)
	}
	return strings.Join(parts, ",")
}

func parseFleets(text string) ([]Fleet, error) {
	var fleets []Fleet
	for _, part := range strings.Split(text, ",") {
		role, number, _ := strings.Cut(part, ":")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, errors.Annotatef(err, "%q is not a role and a number, such as scheduler:1", part)
		}
		fleets = append(fleets, Fleet{Role(role), n})
	}
	return fleets, nil
}
