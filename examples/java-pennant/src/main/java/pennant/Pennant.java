package pennant;

import com.google.zxing.BarcodeFormat;
import com.google.zxing.BinaryBitmap;
import com.google.zxing.LuminanceSource;
import com.google.zxing.MultiFormatReader;
import com.google.zxing.client.j2se.BufferedImageLuminanceSource;
import com.google.zxing.client.j2se.MatrixToImageWriter;
import com.google.zxing.common.BitMatrix;
import com.google.zxing.common.HybridBinarizer;
import com.google.zxing.qrcode.QRCodeWriter;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.GraphicsEnvironment;
import java.awt.image.BufferedImage;
import java.io.File;
import java.util.Arrays;
import javax.imageio.ImageIO;

/** Draws a boat's name and a QR code of it, without a display, and reads both back from the file. */
public final class Pennant {
    private static final int SIZE = 240;

    public static void main(String[] arguments) throws Exception {
        String name = arguments.length > 0 ? arguments[0] : "Ægir";
        File file = File.createTempFile("pennant", ".png");
        ImageIO.write(draw(name), "png", file);
        BufferedImage image = ImageIO.read(file);
        System.out.println("fonts: " + fonts());
        System.out.println("ink of the name: " + (hasInk(image.getSubimage(0, 0, SIZE, 40)) ? "yes" : "no"));
        System.out.println("the code says: " + read(image.getSubimage(0, 40, SIZE, SIZE)));
    }

    private static BufferedImage draw(String name) throws Exception {
        BufferedImage image = new BufferedImage(SIZE, SIZE + 40, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, SIZE, SIZE + 40);
        graphics.setColor(Color.BLACK);
        graphics.setFont(new Font("DejaVu Sans", Font.BOLD, 24));
        graphics.drawString(name, 20, 30);
        BitMatrix code = new QRCodeWriter().encode(name, BarcodeFormat.QR_CODE, SIZE, SIZE);
        graphics.drawImage(MatrixToImageWriter.toBufferedImage(code), 0, 40, null);
        graphics.dispose();
        return image;
    }

    private static String fonts() {
        String[] names = GraphicsEnvironment.getLocalGraphicsEnvironment().getAvailableFontFamilyNames();
        return Arrays.asList(names).contains("DejaVu Sans") ? "DejaVu Sans is there" : Arrays.toString(names);
    }

    private static boolean hasInk(BufferedImage image) {
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                if ((image.getRGB(x, y) & 0xff) < 0x40) return true;
            }
        }
        return false;
    }

    private static String read(BufferedImage image) throws Exception {
        LuminanceSource source = new BufferedImageLuminanceSource(image);
        return new MultiFormatReader().decode(new BinaryBitmap(new HybridBinarizer(source))).getText();
    }
}
