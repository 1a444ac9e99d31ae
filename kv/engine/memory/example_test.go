package memory_test

import (
	"fmt"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
)

// A power cut loses a batch that was not synced, unless it happened to reach
// the disk before.
func Example() {
	disk := memory.NewDisk()
	for keep := range 3 {
		e, err := memory.Open(disk, engine.Families...)
		if err != nil {
			fmt.Println(err)
			return
		}
		for i, key := range []string{"synced", "first", "second"} {
			var b engine.Batch
			b.Put(engine.CFDefault, fmt.Appendf(nil, "%s %d", key, keep), nil)
			if err := e.Write(&b, i == 0); err != nil {
				fmt.Println(err)
				return
			}
		}
		disk.Crash(keep)
	}

	e, err := memory.Open(disk, engine.Families...)
	if err != nil {
		fmt.Println(err)
		return
	}
	it, err := e.Iterate(engine.CFDefault, engine.Range{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for it.Seek(nil); it.Valid(); it.Next() {
		fmt.Println(string(it.Key()))
	}
	if err := it.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// first 1
	// first 2
	// second 2
	// synced 0
	// synced 1
	// synced 2
}
