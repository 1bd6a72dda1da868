//! Tells cargo how to link an addon for Node; see napi-build. Owns nothing else.

fn main() {
    napi_build::setup();
}
