//go:build js && wasm

// Command wasm is the playground's part in the browser: the Raft of the tree, and what
// drives it. The page calls the function labkvPlay, which takes and returns JSON.
package main

import (
	"syscall/js"

	"github.com/labkv/labkv/lab/play"
)

func main() {
	api := play.NewAPI(play.Tree{})
	js.Global().Set("labkvPlay", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return api.Call(args[0].String())
	}))
	js.Global().Call("labkvReady")
	select {} // the page calls for as long as it is there
}
