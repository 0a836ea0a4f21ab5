package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDatabaseURL(t *testing.T) {
	tests := []struct {
		url  string
		want string
	}{
		{"", ""},
		{"sqlite:/var/lib/arm.db", "sqlite:/var/lib/arm.db"},
		{"postgres://h/d?sslmode=require", "postgres://h/d?sslmode=require"},
		{"postgres://u@h/d", "postgres://u@h/d"},
		{"postgres://u:p@h:1/d", "postgres://u:[secret]@h:1/d"},
		{"postgresql://h/d?user=u&password=p&sslpassword=q", "postgresql://h/d?user=u&password=[secret]&sslpassword=[secret]"},
		{"postgres://h/d?p%61ssword=p", "postgres://h/d?p%61ssword=[secret]"},
		{"postgres://u:p#@h/d", "[secret]"},
		{"host=h password=p", "[secret]"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, NewDatabaseURL(tt.url).String(), tt.url)
		assert.Equal(t, tt.want, NewDatabaseURL(tt.url).GoString())
		assert.Equal(t, tt.url, NewDatabaseURL(tt.url).Reveal())
	}
}
