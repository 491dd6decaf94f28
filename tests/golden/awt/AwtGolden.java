/* What Java makes of images: the oracle for tests/image. Run by make_golden.py.
 * Reads jobs from standard input, one a line, and writes one answer each to standard output:
 *   resize W H CHANNELS KIND TW TH HINT   a synthetic image scaled as sparkdl does it -> TH * TW * 3 bytes, B, G, R
 *   decode PATH                           an image file as Spark's image source reads it
 * An answer is a line "height width channels" ("-1 -1 -1" for a failure), followed by the bytes.
 * SPDX-License-Identifier: Apache-2.0 */
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Image;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import javax.imageio.ImageIO;
import javax.swing.ImageIcon;

public class AwtGolden {
    static byte[] synthetic(int width, int height, int channels, String kind) {
        byte[] pixels = new byte[width * height * channels];
        int state = (width * 73856093) ^ (height * 19349663) ^ (channels * 83492791);
        for (int i = 0; i < pixels.length; i++) {
            int c = i % channels, x = i / channels % width, y = i / channels / width;
            state = state * 1664525 + 1013904223;
            switch (kind) {
                case "noise": pixels[i] = (byte) (state >>> 24); break;
                case "ramp": pixels[i] = (byte) (3 * x + 5 * y + 85 * c + ((x * y) >> 6)); break;
                default: pixels[i] = (byte) Integer.parseInt(kind); // constant
            }
        }
        return pixels;
    }

    static BufferedImage image(byte[] pixels, int width, int height, int channels) {
        int[] type = {0, BufferedImage.TYPE_BYTE_GRAY, 0, BufferedImage.TYPE_3BYTE_BGR, BufferedImage.TYPE_4BYTE_ABGR};
        BufferedImage image = new BufferedImage(width, height, type[channels]);
        for (int y = 0, at = 0; y < height; y++)
            for (int x = 0; x < width; x++, at += channels) {
                if (channels == 1) {
                    image.getRaster().setSample(x, y, 0, pixels[at] & 255); // the raw sample
                } else {
                    int alpha = channels == 4 ? pixels[at + 3] & 255 : 255;
                    int red = pixels[at + 2] & 255, green = pixels[at + 1] & 255, blue = pixels[at] & 255;
                    image.setRGB(x, y, alpha << 24 | red << 16 | green << 8 | blue);
                }
            }
        return image;
    }

    static byte[] resize(BufferedImage image, int width, int height, int hint) {
        Image scaled = image.getScaledInstance(width, height, hint);
        new ImageIcon(scaled); // waits until it is complete
        BufferedImage out = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
        Graphics2D graphics = out.createGraphics();
        graphics.drawImage(scaled, 0, 0, null);
        graphics.dispose();
        return ((DataBufferByte) out.getRaster().getDataBuffer()).getData();
    }

    /* Spark's rules: a gray colour space is one channel of raw samples, alpha makes four, anything else three. */
    static void decode(String path, PrintStream out) throws IOException {
        BufferedImage image = null;
        try {
            image = ImageIO.read(new File(path));
        } catch (Throwable failure) {
            image = null;
        }
        if (image == null) {
            out.println("-1 -1 -1");
            return;
        }
        boolean gray = image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
        int channels = gray ? 1 : image.getColorModel().hasAlpha() ? 4 : 3;
        int height = image.getHeight(), width = image.getWidth(), at = 0;
        byte[] pixels = new byte[height * width * channels];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                if (gray) {
                    pixels[at++] = (byte) image.getRaster().getSample(x, y, 0);
                } else {
                    Color colour = new Color(image.getRGB(x, y), true);
                    pixels[at++] = (byte) colour.getBlue();
                    pixels[at++] = (byte) colour.getGreen();
                    pixels[at++] = (byte) colour.getRed();
                    if (channels == 4) pixels[at++] = (byte) colour.getAlpha();
                }
            }
        out.println(height + " " + width + " " + channels);
        out.write(pixels, 0, pixels.length);
    }

    public static void main(String[] arguments) throws IOException {
        System.setProperty("java.awt.headless", "true");
        BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
        PrintStream out = new PrintStream(System.out, false);
        for (String job; (job = jobs.readLine()) != null;) {
            String[] word = job.split(" ");
            if (word[0].equals("decode")) {
                decode(job.substring(7), out);
                continue;
            }
            int[] number = new int[word.length];
            for (int i : new int[] {1, 2, 3, 5, 6, 7}) number[i] = Integer.parseInt(word[i]);
            byte[] pixels = synthetic(number[1], number[2], number[3], word[4]);
            byte[] scaled = resize(image(pixels, number[1], number[2], number[3]), number[5], number[6], number[7]);
            out.println(number[6] + " " + number[5] + " 3");
            out.write(scaled, 0, scaled.length);
        }
        out.flush();
    }
}
