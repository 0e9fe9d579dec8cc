// Kernels of a convolutional network, tested on the interpreter against references in Rust.
#include "common.cuh"
// ---------------- convolution helpers ----------------
KERNEL(im2col_f32)(int n, const float* __restrict__ im, int height, int width, int kh, int kw,
                   int pad_h, int pad_w, int stride_h, int stride_w, int dil_h, int dil_w,
                   int out_h, int out_w, float* __restrict__ col) {
  GRID_STRIDE(index, n) {                       // one item per (channel, y_out, x_out)
    int wo = index % out_w, t = index / out_w;
    int ho = t % out_h, c = t / out_h;
    int h0 = ho * stride_h - pad_h, w0 = wo * stride_w - pad_w;
    float* dst = col + ((c * kh * kw) * out_h + ho) * out_w + wo;
    const float* src = im + (c * height + h0) * width + w0;
    for (int i = 0; i < kh; ++i)
      for (int j = 0; j < kw; ++j) {
        int h = h0 + i * dil_h, w = w0 + j * dil_w;
        *dst = (h >= 0 && w >= 0 && h < height && w < width) ? src[i * dil_h * width + j * dil_w] : 0.f;
        dst += out_h * out_w;
      }
  }
}
KERNEL(col2im_f32)(int n, const float* __restrict__ col, int height, int width, int kh, int kw,
                   int pad_h, int pad_w, int stride_h, int stride_w, int dil_h, int dil_w,
                   int out_h, int out_w, float* __restrict__ im) {
  GRID_STRIDE(index, n) {                       // gather: one item per input pixel, no atomics
    float v = 0.f;
    int w = index % width + pad_w, h = (index / width) % height + pad_h, c = index / (width * height);
    for (int i = 0; i < kh; ++i)
      for (int j = 0; j < kw; ++j) {
        int y = h - i * dil_h, x = w - j * dil_w;
        if (y < 0 || x < 0 || y % stride_h || x % stride_w) continue;
        y /= stride_h; x /= stride_w;
        if (y < out_h && x < out_w) v += col[(((c * kh + i) * kw + j) * out_h + y) * out_w + x];
      }
    im[index] = v;
  }
}
// ---------------- pooling ----------------
KERNEL(maxpool_fwd_f32)(int n, const float* __restrict__ in, int channels, int height, int width,
                        int out_h, int out_w, int kh, int kw, int sh, int sw, int ph, int pw,
                        float* __restrict__ out, int* __restrict__ mask) {
  GRID_STRIDE(index, n) {
    int wo = index % out_w, ho = (index / out_w) % out_h, nc = index / (out_w * out_h);
    int hs = ho * sh - ph, ws = wo * sw - pw;
    int he = min(hs + kh, height), we = min(ws + kw, width);
    hs = max(hs, 0); ws = max(ws, 0);
    float best = -3.402823466e+38f; int arg = -1;
    const float* p = in + (long long)nc * height * width;
    for (int h = hs; h < he; ++h)
      for (int w = ws; w < we; ++w)
        if (p[h * width + w] > best) { arg = h * width + w; best = p[arg]; }
    out[index] = best; mask[index] = arg;
  }
}
KERNEL(maxpool_bwd_f32)(int n, const float* __restrict__ dout, const int* __restrict__ mask, int channels,
                        int height, int width, int out_h, int out_w, int kh, int kw, int sh, int sw,
                        int ph, int pw, float* __restrict__ din) {
  GRID_STRIDE(index, n) {
    int w = index % width, h = (index / width) % height, nc = index / (width * height);
    int ps = (h + ph < kh) ? 0 : (h + ph - kh) / sh + 1, pe = min((h + ph) / sh + 1, out_h);
    int qs = (w + pw < kw) ? 0 : (w + pw - kw) / sw + 1, qe = min((w + pw) / sw + 1, out_w);
    float g = 0.f; const int off = nc * out_h * out_w;
    for (int p = ps; p < pe; ++p)
      for (int q = qs; q < qe; ++q)
        if (mask[off + p * out_w + q] == h * width + w) g += dout[off + p * out_w + q];
    din[index] = g;
  }
}
// ---------------- softmax: one block per row, shared-memory tree reduction ----------------
KERNEL(softmax_fwd_f32)(int rows, int cols, const float* __restrict__ x, float* __restrict__ y) {
  extern __shared__ float red[];
  for (int r = blockIdx.x; r < rows; r += gridDim.x) {
    const float* xr = x + (long long)r * cols; float* yr = y + (long long)r * cols;
    float m = -3.402823466e+38f;
    for (int c = threadIdx.x; c < cols; c += blockDim.x) m = fmaxf(m, xr[c]);
    red[threadIdx.x] = m; __syncthreads();
    for (int s = blockDim.x / 2; s > 0; s >>= 1) {
      if (threadIdx.x < s) red[threadIdx.x] = fmaxf(red[threadIdx.x], red[threadIdx.x + s]);
      __syncthreads();
    }
    m = red[0]; __syncthreads();
    float sum = 0.f;
    for (int c = threadIdx.x; c < cols; c += blockDim.x) { float e = expf(xr[c] - m); yr[c] = e; sum += e; }
    red[threadIdx.x] = sum; __syncthreads();
    for (int s = blockDim.x / 2; s > 0; s >>= 1) {
      if (threadIdx.x < s) red[threadIdx.x] += red[threadIdx.x + s];
      __syncthreads();
    }
    float inv = 1.f / red[0]; __syncthreads();
    for (int c = threadIdx.x; c < cols; c += blockDim.x) yr[c] *= inv;
  }
}
KERNEL(softmax_loss_bwd_f32)(int n, int cols, const float* __restrict__ prob, const int* __restrict__ label,
                             float scale, float* __restrict__ dx) {
  GRID_STRIDE(i, n) { int r = i / cols, c = i % cols; dx[i] = scale * (prob[i] - (label[r] == c ? 1.f : 0.f)); }
}
// loss[0] += -log p[label]: warp shuffle reduction + one atomic per warp
KERNEL(nll_sum_f32)(int rows, int cols, const float* __restrict__ prob, const int* __restrict__ label, float* loss) {
  float v = 0.f;
  GRID_STRIDE(r, rows) v -= logf(fmaxf(prob[r * cols + label[r]], 1e-20f));
  for (int d = 16; d > 0; d >>= 1) v += __shfl_down_sync(0xffffffffu, v, d);
  if ((threadIdx.x & 31) == 0) atomicAdd(loss, v);
}
// ---------------- activations, bias, solver ----------------
KERNEL(relu_fwd_f32)(int n, const float* __restrict__ x, float* __restrict__ y) { GRID_STRIDE(i, n) y[i] = x[i] > 0.f ? x[i] : 0.f; }
KERNEL(relu_bwd_f32)(int n, const float* __restrict__ y, const float* __restrict__ dy, float* __restrict__ dx) { GRID_STRIDE(i, n) dx[i] = y[i] > 0.f ? dy[i] : 0.f; }
KERNEL(bias_add_f32)(int n, int channels, int spatial, const float* __restrict__ b, float* __restrict__ y) { GRID_STRIDE(i, n) y[i] += b[(i / spatial) % channels]; }
// db[c] = sum over n,spatial; one block per channel
KERNEL(bias_grad_f32)(int num, int channels, int spatial, const float* __restrict__ dy, float* __restrict__ db) {
  __shared__ float red[256];
  float v = 0.f; int c = blockIdx.x;
  for (int i = threadIdx.x; i < num * spatial; i += blockDim.x) v += dy[((i / spatial) * channels + c) * spatial + i % spatial];
  red[threadIdx.x] = v; __syncthreads();
  for (int s = blockDim.x / 2; s > 0; s >>= 1) { if (threadIdx.x < s) red[threadIdx.x] += red[threadIdx.x + s]; __syncthreads(); }
  if (threadIdx.x == 0) db[c] = red[0];
}
KERNEL(sgd_f32)(int n, float lr, float mom, float decay, const float* __restrict__ g, float* __restrict__ v, float* __restrict__ w) {
  GRID_STRIDE(i, n) { float d = mom * v[i] + lr * (g[i] + decay * w[i]); v[i] = d; w[i] -= d; }
}
