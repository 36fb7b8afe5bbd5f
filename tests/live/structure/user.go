// Stands in for distroless's program of this name: says who runs it, by the image's own list of users.
package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

func main() {
	found, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("User: %s\nUid: %s\n", found.Username, found.Uid)
}
